/** PNGs as no encoder would write them: any chunks, any depth, rows left out, a single colour in seven passes. */
import { crc32, deflateSync } from "node:zlib";

export interface PngOptions {
  readonly width: number;
  readonly height: number;
  readonly depth?: 8 | 16;
  readonly colourType?: ColourType;
  readonly interlaced?: boolean;
  /** Between the header and the pixels. */
  readonly chunks?: readonly (readonly [name: string, body: Buffer])[];
  /** The samples of a pixel, in the depth's own numbers; black if left out. */
  readonly pixel?: (x: number, y: number) => readonly number[];
  /** The first rows only. */
  readonly rows?: number;
}

export const GREY = 0;
export const RGB = 2;
export const GREY_ALPHA = 4;
export const RGB_ALPHA = 6;
type ColourType = typeof GREY | typeof RGB | typeof GREY_ALPHA | typeof RGB_ALPHA;
const SAMPLES = { [GREY]: 1, [RGB]: 3, [GREY_ALPHA]: 2, [RGB_ALPHA]: 4 };
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

export function makePng(options: PngOptions): Buffer {
  const { width, height, depth = 8, colourType = RGB, interlaced = false, chunks = [] } = options;
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, depth, colourType, 0, 0, interlaced ? 1 : 0]);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    ...chunks.map(([name, body]) => chunk(name, body)),
    chunk("IDAT", deflateSync(interlaced ? blackPasses(options) : rowsOf(options))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function bytesPerPixel({ depth = 8, colourType = RGB }: PngOptions): number {
  return SAMPLES[colourType] * (depth / 8);
}

function rowsOf(options: PngOptions): Buffer {
  const { width, height, rows = height, depth = 8, pixel } = options;
  const rowBytes = 1 + width * bytesPerPixel(options);
  const bytes = Buffer.alloc(rowBytes * rows);
  for (let y = 0; pixel && y < rows; y++) {
    let at = y * rowBytes + 1;
    for (let x = 0; x < width; x++) {
      for (const sample of pixel(x, y)) {
        bytes.writeUIntBE(sample, at, depth / 8);
        at += depth / 8;
      }
    }
  }
  return bytes;
}

function blackPasses(options: PngOptions): Buffer {
  const { width, height } = options;
  const passes = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
  ] as const;
  const sizes = passes.map(([left, top, across, down]) => {
    const columns = Math.max(0, Math.ceil((width - left) / across));
    const rows = Math.max(0, Math.ceil((height - top) / down));
    return columns === 0 ? 0 : rows * (1 + columns * bytesPerPixel(options));
  });
  return Buffer.alloc(sizes.reduce((sum, size) => sum + size, 0));
}

function chunk(name: string, body: Buffer): Buffer {
  const framed = Buffer.alloc(body.length + 12);
  framed.writeUInt32BE(body.length, 0);
  framed.write(name, 4, "latin1");
  body.copy(framed, 8);
  framed.writeUInt32BE(crc32(framed.subarray(4, 8 + body.length)), 8 + body.length);
  return framed;
}
