/** Colours told otherwise than by an ICC profile, against what a colour-managed reference makes of them. */
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { GREY, GREY_ALPHA, makePng, RGB, RGB_ALPHA } from "../../../test/support/png.ts";
import { processAvatar, processImage } from "../process.ts";
import { colourSpaceOf } from "./colour-space.ts";
import { iccProfile } from "./icc-profile.ts";

type Colour = readonly [number, number, number];
type Chunks = readonly (readonly [string, Buffer])[];

const SWATCHES: readonly Colour[] = [
  [230, 30, 30],
  [40, 180, 60],
  [60, 80, 220],
  [128, 128, 128],
  [250, 240, 200],
  [20, 10, 5],
];
const SIDE = 8;

const coded = (...codePoints: number[]): Chunks => [["cICP", Buffer.from(codePoints)]];
const numbers = (...values: number[]): Buffer => {
  const body = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) body.writeUInt32BE(Math.round(value * 100_000), i * 4);
  return body;
};
const gamma = (encoded: number): Chunks => [["gAMA", numbers(encoded)]];
const chromaticities = (...values: number[]): Chunks => [["cHRM", numbers(...values)]];
const profile = (primaries: number, transfer: number): Chunks => {
  const space = colourSpaceOf({ primaries, transfer, fullRange: true });
  if (!space) throw new Error("no such space");
  return [["iCCP", Buffer.concat([Buffer.from("icc\0\0", "latin1"), deflateSync(iccProfile(space))])]];
};
const ADOBE = [0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06] as const;
const PROPHOTO = [0.3457, 0.3585, 0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001] as const;
const SRGB: Chunks = [["sRGB", Buffer.from([0])]];

// Computed apart from this code in double precision: matrices by Bradford, ITU-R BT.2100 and BT.2390; LittleCMS, given
// the same profiles, differs from Roost by 0.01 on a picture of all colours.
const IN_P3: Colour[] = [
  [251, 0, 0],
  [0, 183, 30],
  [54, 81, 228],
  [128, 128, 128],
  [252, 240, 195],
  [22, 9, 4],
];
const IN_BT2020: Colour[] = [
  [255, 0, 0],
  [0, 190, 14],
  [0, 80, 230],
  [128, 128, 128],
  [255, 239, 194],
  [25, 8, 4],
];
const IN_PQ: Colour[] = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 67, 255],
  [181, 181, 181],
  [255, 255, 255],
  [4, 0, 0],
];
const IN_HLG: Colour[] = [
  [255, 0, 0],
  [0, 227, 0],
  [0, 80, 255],
  [137, 137, 137],
  [255, 255, 235],
  [14, 1, 0],
];
const LINEAR: Colour[] = [
  [244, 96, 96],
  [110, 219, 133],
  [133, 152, 239],
  [188, 188, 188],
  [253, 248, 229],
  [79, 56, 38],
];
const IN_ADOBE: Colour[] = [
  [255, 24, 24],
  [0, 181, 42],
  [46, 79, 225],
  [129, 129, 129],
  [254, 240, 199],
  [15, 3, 0],
];
const IN_PROPHOTO: Colour[] = [
  [255, 0, 32],
  [0, 211, 12],
  [0, 102, 240],
  [146, 146, 146],
  [255, 241, 204],
  [37, 4, 1],
];

const TOLD: [string, Chunks, readonly Colour[]][] = [
  ["cICP: Display P3", coded(12, 13, 0, 1), IN_P3],
  ["cICP: P3 with the curve of video, shown as sRGB's", coded(12, 1, 0, 1), IN_P3],
  ["cICP: BT.2020", coded(9, 14, 0, 1), IN_BT2020],
  ["cICP: BT.2020 PQ, tone-mapped", coded(9, 16, 0, 1), IN_PQ],
  ["cICP: BT.2020 HLG, tone-mapped", coded(9, 18, 0, 1), IN_HLG],
  ["gAMA: linear", gamma(1), LINEAR],
  ["gAMA and cHRM: Adobe RGB", [...gamma(0.4547), ...chromaticities(...ADOBE)], IN_ADOBE],
  ["gAMA and cHRM: ProPhoto", [...gamma(0.55556), ...chromaticities(...PROPHOTO)], IN_PROPHOTO],
  ["cICP before all others", [...coded(12, 13, 0, 1), ...profile(9, 16), ...SRGB, ...gamma(1)], IN_P3],
  ["cICP of sRGB before an ICC profile", [...coded(1, 13, 0, 1), ...profile(12, 13)], SWATCHES],
  ["iCCP before gAMA", [...profile(12, 13), ...gamma(1)], IN_P3],
  ["sRGB before gAMA", [...SRGB, ...gamma(1)], SWATCHES],
  ["cICP that isn't specified gives way", [...coded(2, 2, 0, 1), ...gamma(1)], LINEAR],
  ["gAMA of 1 / 2.2 is sRGB", gamma(0.45455), SWATCHES],
  ["cHRM alone says nothing", chromaticities(...ADOBE), SWATCHES],
  ["no chunk", [], SWATCHES],
];

function swatches(options: {
  readonly depth: 8 | 16;
  readonly alpha: boolean;
  readonly chunks: Chunks;
  readonly colours?: readonly Colour[];
}): Buffer {
  const { depth, alpha, chunks, colours = SWATCHES } = options;
  const samples = (x: number) => [...(colours[Math.floor(x / SIDE)] as Colour), ...(alpha ? [200] : [])];
  return makePng({
    width: SIDE * SWATCHES.length,
    height: SIDE,
    depth,
    colourType: alpha ? RGB_ALPHA : RGB,
    chunks,
    pixel: (x) => samples(x).map((sample) => (depth === 16 ? sample * 257 : sample)),
  });
}

/** From the middle of each swatch. */
async function coloursOf(image: Buffer): Promise<Colour[]> {
  const { data, info } = await sharp(image)
    .removeAlpha()
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  return SWATCHES.map((_, i) => {
    const at = ((SIDE >> 1) * info.width + i * SIDE + (SIDE >> 1)) * info.channels;
    return [data[at], data[at + 1], data[at + 2]] as unknown as Colour;
  });
}

function meanDifference(seen: readonly Colour[], right: readonly Colour[]): number {
  const differences = seen.flat().map((value, i) => Math.abs(value - (right.flat()[i] ?? Number.NaN)));
  return differences.reduce((sum, difference) => sum + difference, 0) / differences.length;
}

describe.each([8, 16] as const)("a PNG of %i bits", (depth) => {
  test.each(TOLD)("%s", async (_, chunks, right) => {
    for (const alpha of [false, true]) {
      const { original } = await processImage(swatches({ depth, alpha, chunks }));
      const { icc, hasAlpha } = await sharp(original).metadata();
      expect({ icc, hasAlpha }).toEqual({ icc: undefined, hasAlpha: alpha });
      // 16 bits go through P3, which cuts ProPhoto's strongest colours off before sRGB does.
      const most = depth === 16 && right === IN_PROPHOTO ? 1.5 : 1;
      expect(meanDifference(await coloursOf(original), right)).toBeLessThan(most);
    }
  });

  test("grey ones too", async () => {
    for (const colourType of [GREY, GREY_ALPHA] as const) {
      const pixel = (x: number) =>
        [SWATCHES[Math.floor(x / SIDE)]?.[0] ?? 0, 255].slice(0, colourType ? 2 : 1);
      const { original } = await processImage(
        makePng({
          width: SIDE * SWATCHES.length,
          height: SIDE,
          depth,
          colourType,
          chunks: gamma(1),
          pixel: (x) => pixel(x).map((sample) => (depth === 16 ? sample * 257 : sample)),
        }),
      );
      const right = LINEAR.map(([red]) => [red, red, red] as const);
      expect(meanDifference(await coloursOf(original), right)).toBeLessThan(1);
    }
  });
});

test("a narrow range is widened", async () => {
  const colours = SWATCHES.map(
    (colour) => colour.map((value) => Math.round(16 + (value * 219) / 255)) as unknown as Colour,
  );
  const narrow = swatches({ depth: 8, alpha: false, chunks: coded(12, 13, 0, 0), colours });
  expect(meanDifference(await coloursOf((await processImage(narrow)).original), IN_P3)).toBeLessThan(1);
});

test.each<[string, Chunks]>([
  ["a gamma of nothing", gamma(0)],
  ["primaries on one line", [...gamma(0.45455), ...chromaticities(0.3, 0.3, 0.1, 0.1, 0.2, 0.2, 0.4, 0.4)]],
  ["a white that divides by zero", [...gamma(0.45455), ...chromaticities(0, 0, 0, 0, 0, 0, 0, 0)]],
  [
    "chunks that are too short",
    [...gamma(1), ["cHRM", Buffer.alloc(3)], ["cICP", Buffer.from([12])]].slice(1) as Chunks,
  ],
])("%s is no reason to refuse a picture, or to change it", async (_, chunks) => {
  const { original } = await processImage(swatches({ depth: 8, alpha: false, chunks }));
  expect(meanDifference(await coloursOf(original), SWATCHES)).toBeLessThan(1);
});

describe("an AVIF", () => {
  async function avif(primaries: number, transfer: number): Promise<Buffer> {
    const bytes = await sharp(swatches({ depth: 8, alpha: false, chunks: [] }))
      .avif({ lossless: true, chromaSubsampling: "4:4:4", effort: 0 })
      .toBuffer();
    const at = bytes.indexOf("nclx");
    if (at === -1) throw new Error("the encoder tells colours another way");
    bytes.writeUInt16BE(primaries, at + 4);
    bytes.writeUInt16BE(transfer, at + 6);
    return bytes;
  }

  // Kept as lossy WebP, which shifts flat colours by a level or two.
  test.each<[string, number, number, readonly Colour[]]>([
    ["sRGB", 1, 13, SWATCHES],
    ["Display P3", 12, 13, IN_P3],
    ["BT.2020", 9, 14, IN_BT2020],
    ["BT.2020 PQ", 9, 16, IN_PQ],
    ["BT.2020 HLG", 9, 18, IN_HLG],
    ["nothing specified", 2, 2, SWATCHES],
  ])("of %s in nclx", async (_, primaries, transfer, right) => {
    const { original } = await processImage(await avif(primaries, transfer));
    expect(meanDifference(await coloursOf(original), right)).toBeLessThan(3.5);
  });

  test("is converted for avatars too", async () => {
    const { original } = await processAvatar(await avif(12, 13));
    const [red = 0, green = 0, blue = 0] = await sharp(original).raw().toBuffer();
    // The middle of the strip begins in the third swatch.
    expect(meanDifference([[red, green, blue]], IN_P3.slice(2, 3))).toBeLessThan(3.5);
  });
});
