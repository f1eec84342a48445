/** A colour space as an ICC profile (version 2.4, matrix and curve), which image libraries know how to convert from. */
import type { Chromaticities, ColourSpace } from "./colour-space.ts";

type Vector = readonly [number, number, number];
type Matrix = readonly [Vector, Vector, Vector];

const D50: Vector = [0.9642, 1, 0.8249];
/** Bradford's adaptation to another white, as the ICC names it (ISO 15076-1, annex E). */
const BRADFORD: Matrix = [
  [0.8951, 0.2664, -0.1614],
  [-0.7502, 1.7135, 0.0367],
  [0.0389, -0.0685, 1.0296],
];
/** Enough for straight lines between them to be exact on 8 bits, also for the steep curves of HDR. */
const CURVE_POINTS = 4_096;

export function iccProfile(space: ColourSpace): Buffer {
  const columns = primariesInD50(space.chromaticities);
  const tags: [string, Buffer][] = [
    ["desc", description("colours as told by the file")],
    ["cprt", tagged("text", Buffer.from("none\0", "latin1"))],
    ["wtpt", xyz(D50)],
  ];
  const curve = curveOf(space);
  for (const [i, name] of ["r", "g", "b"].entries()) {
    tags.push([`${name}XYZ`, xyz(columns[i] as Vector)], [`${name}TRC`, curve]);
  }
  return assembled(tags);
}

/** Whether they make a colour space: hostile ones may lie on a line, or divide by zero. */
export function areSound(chromaticities: Chromaticities): boolean {
  return primariesInD50(chromaticities)
    .flat()
    .every((value) => Math.abs(value) < 8);
}

function assembled(tags: readonly (readonly [string, Buffer])[]): Buffer {
  const table = Buffer.alloc(4 + tags.length * 12);
  table.writeUInt32BE(tags.length, 0);
  const offsets = new Map<Buffer, number>();
  let end = 128 + table.length;
  for (const [i, [name, body]] of tags.entries()) {
    // The same curve thrice is written once.
    const offset = offsets.get(body) ?? end;
    if (offset === end) end += body.length;
    offsets.set(body, offset);
    table.write(name, 4 + i * 12, "latin1");
    table.writeUInt32BE(offset, 8 + i * 12);
    table.writeUInt32BE(body.length, 12 + i * 12);
  }
  const header = Buffer.alloc(128);
  header.writeUInt32BE(end, 0);
  header.writeUInt32BE(0x02400000, 8);
  header.write("mntrRGB XYZ ", 12, "latin1");
  header.writeUInt16BE(2026, 24);
  header.writeUInt16BE(1, 26);
  header.writeUInt16BE(1, 28);
  header.write("acsp", 36, "latin1");
  for (const [i, value] of D50.entries()) header.writeInt32BE(Math.round(value * 65_536), 68 + i * 4);
  return Buffer.concat([header, table, ...offsets.keys()]);
}

/** The bodies of tags begin on multiples of four. */
function tagged(type: string, body: Buffer): Buffer {
  const tag = Buffer.alloc(8 + Math.ceil(body.length / 4) * 4);
  tag.write(type, 0, "latin1");
  body.copy(tag, 8);
  return tag;
}

function description(text: string): Buffer {
  const body = Buffer.alloc(4 + text.length + 1 + 78);
  body.writeUInt32BE(text.length + 1, 0);
  body.write(text, 4, "latin1");
  return tagged("desc", body);
}

function xyz(values: Vector): Buffer {
  const body = Buffer.alloc(12);
  for (const [i, value] of values.entries()) body.writeInt32BE(Math.round(value * 65_536), i * 4);
  return tagged("XYZ ", body);
}

function curveOf({ toLight }: ColourSpace): Buffer {
  const body = Buffer.alloc(4 + CURVE_POINTS * 2);
  body.writeUInt32BE(CURVE_POINTS, 0);
  for (let i = 0; i < CURVE_POINTS; i++) {
    const light = toLight(i / (CURVE_POINTS - 1));
    body.writeUInt16BE(Math.round(Math.min(1, Math.max(0, light)) * 65_535), 4 + i * 2);
  }
  return tagged("curv", body);
}

/** Red, green and blue in XYZ, seen under D50, the white that profiles refer to. */
function primariesInD50([wx, wy, rx, ry, gx, gy, bx, by]: Chromaticities): readonly Vector[] {
  const white: Vector = [wx / wy, 1, (1 - wx - wy) / wy];
  const primaries: Matrix = [
    [rx, gx, bx],
    [ry, gy, by],
    [1 - rx - ry, 1 - gx - gy, 1 - bx - by],
  ];
  const amounts = times(inverse(primaries), white);
  const here = times(BRADFORD, white);
  const there = times(BRADFORD, D50);
  const back = inverse(BRADFORD);
  return [0, 1, 2].map((i) => {
    const column = primaries.map((row) => (row[i] as number) * (amounts[i] as number)) as unknown as Vector;
    const cone = times(BRADFORD, column);
    return times(
      back,
      cone.map((value, j) => (value * (there[j] as number)) / (here[j] as number)) as unknown as Vector,
    );
  });
}

function times(matrix: Matrix, [x, y, z]: Vector): Vector {
  return matrix.map(([a, b, c]) => a * x + b * y + c * z) as unknown as Vector;
}

function inverse([[a, b, c], [d, e, f], [g, h, i]]: Matrix): Matrix {
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const by = (value: number) => value / determinant;
  return [
    [by(e * i - f * h), by(c * h - b * i), by(b * f - c * e)],
    [by(f * g - d * i), by(a * i - c * g), by(c * d - a * f)],
    [by(d * h - e * g), by(b * g - a * h), by(a * e - b * d)],
  ];
}
