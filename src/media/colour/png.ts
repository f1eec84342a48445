/**
 * What a PNG's header tells of its colours, put as an ICC profile, the one way that libvips knows. In this order, by
 * the format's third edition: cICP, iCCP, sRGB, gAMA with cHRM.
 */
import { crc32, deflateSync } from "node:zlib";
import {
  type Chromaticities,
  type ColourSpace,
  colourSpaceOf,
  isSrgb,
  SRGB_CHROMATICITIES,
  srgbToLight,
} from "./colour-space.ts";
import { areSound, iccProfile } from "./icc-profile.ts";

const SIGNATURE_BYTES = 8;
const COLOUR_CHUNKS = ["cICP", "iCCP", "sRGB", "gAMA", "cHRM"];

interface Chunk {
  readonly start: number;
  readonly end: number;
  readonly body: Buffer;
}

/** Null if it's sRGB, an ICC profile has the word, or nothing is told. */
export function toldColours(png: Buffer): { space: ColourSpace; isGrey: boolean } | null {
  const chunks = headerChunks(png);
  const space = colourSpaceIn(chunks);
  if (!space || (isSrgb(space) && !chunks.has("iCCP"))) return null;
  // Bit 2 of the colour type: colour, or an index into a palette of colours.
  return { space, isGrey: ((chunks.get("IHDR")?.body[9] ?? 0) & 2) === 0 };
}

/** The same picture of RGB pixels with an ICC profile instead of what else told its colours. */
export function withColourSpace(png: Buffer, space: ColourSpace): Buffer {
  const chunks = headerChunks(png);
  const header = chunks.get("IHDR");
  if (!header) return png;
  const parts = [
    png.subarray(0, header.end),
    chunk("iCCP", Buffer.concat([Buffer.from("icc\0\0", "latin1"), deflateSync(iccProfile(space))])),
  ];
  let from = header.end;
  const dropped = COLOUR_CHUNKS.flatMap((name) => chunks.get(name) ?? []).sort((a, b) => a.start - b.start);
  for (const { start, end } of dropped) {
    parts.push(png.subarray(from, start));
    from = end;
  }
  return Buffer.concat([...parts, png.subarray(from)]);
}

/** Chunks before the pixels, the first of each name. */
function headerChunks(png: Buffer): Map<string, Chunk> {
  const chunks = new Map<string, Chunk>();
  let start = SIGNATURE_BYTES;
  while (start + 12 <= png.length) {
    const end = start + 12 + png.readUInt32BE(start);
    const name = png.toString("latin1", start + 4, start + 8);
    if (end > png.length || name === "IDAT" || name === "IEND") break;
    if (!chunks.has(name)) chunks.set(name, { start, end, body: png.subarray(start + 8, end - 4) });
    start = end;
  }
  return chunks;
}

function colourSpaceIn(chunks: ReadonlyMap<string, Chunk>): ColourSpace | null {
  const coded = chunks.get("cICP")?.body;
  if (coded?.length === 4) {
    const [primaries = 0, transfer = 0, matrix, range] = coded;
    const space = matrix === 0 ? colourSpaceOf({ primaries, transfer, fullRange: range === 1 }) : null;
    if (space) return space;
  }
  const gamma = chunks.get("gAMA")?.body;
  if (chunks.has("iCCP") || chunks.has("sRGB") || gamma?.length !== 4) return null;
  const encoded = gamma.readUInt32BE(0) / 100_000;
  if (encoded === 0) return null;
  const byGamma = {
    chromaticities: chromaticitiesIn(chunks.get("cHRM")?.body) ?? SRGB_CHROMATICITIES,
    toLight: (signal: number) => signal ** (1 / encoded),
  };
  // 1 / 2.2 with sRGB's primaries is how files say sRGB that have no chunk for it.
  const asSrgb = { ...byGamma, toLight: srgbToLight };
  return Math.abs(encoded * 2.2 - 1) < 0.01 && isSrgb(asSrgb) ? asSrgb : byGamma;
}

function chromaticitiesIn(body: Buffer | undefined): Chromaticities | null {
  if (body?.length !== 32) return null;
  const told = Array.from({ length: 8 }, (_, i) => body.readUInt32BE(i * 4) / 100_000) as unknown;
  return areSound(told as Chromaticities) ? (told as Chromaticities) : null;
}

function chunk(name: string, body: Buffer): Buffer {
  const framed = Buffer.alloc(body.length + 12);
  framed.writeUInt32BE(body.length, 0);
  framed.write(name, 4, "latin1");
  body.copy(framed, 8);
  framed.writeUInt32BE(crc32(framed.subarray(4, 8 + body.length)), 8 + body.length);
  return framed;
}
