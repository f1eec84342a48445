/** Uploaded images: told by their bytes, turned upright, stripped of everything but the picture, and made smaller. */
import { encode } from "blurhash";
import sharp, { type Sharp } from "sharp";
import { Invalid, Unavailable } from "../core/errors.ts";
import { Gate } from "../core/gate.ts";
import { colourSpaceOfAvif } from "./colour/avif.ts";
import type { ColourSpace } from "./colour/colour-space.ts";
import { toldColours, withColourSpace } from "./colour/png.ts";
import { type ImageType, type Inspected, inspect } from "./inspect.ts";
import { missingEnd } from "./jpeg-end.ts";
import { MAX_ANIMATION_PIXELS, MAX_INPUT_PIXELS } from "./limits.ts";

export interface ImageMeta {
  readonly original: ImageSize;
  readonly small: ImageSize;
  [name: string]: unknown;
}

export interface ImageSize {
  readonly width: number;
  readonly height: number;
  readonly size: string;
  readonly aspect: number;
}

export interface EncodedImage {
  readonly mime: string;
  readonly extension: string;
  readonly original: Buffer;
}

export interface ProcessedImage extends EncodedImage {
  readonly preview: Buffer;
  readonly previewMime: string;
  readonly previewExtension: string;
  readonly blurhash: string;
  readonly meta: ImageMeta;
}

/** As Mastodon: 3840 × 2160 and 640 × 360, in any shape. */
const MAX_ORIGINAL_PIXELS = 8_294_400;
const MAX_PREVIEW_PIXELS = 230_400;
/** WebP can't be longer. */
const MAX_SIDE = 16_383;
const TIMEOUT_SECONDS = 20;
const BLURHASH_PIXELS = 32;

interface Encoding {
  readonly extension: string;
  readonly mime: string;
  readonly encode: (image: Sharp) => Sharp;
}

const JPEG = { extension: "jpg", mime: "image/jpeg", encode: (image: Sharp) => image.jpeg({ quality: 85 }) };
const PNG = {
  extension: "png",
  mime: "image/png",
  encode: (image: Sharp) => image.png({ compressionLevel: 7 }),
};
const GIF = { extension: "gif", mime: "image/gif", encode: (image: Sharp) => image.gif({ effort: 3 }) };
const WEBP = {
  extension: "webp",
  mime: "image/webp",
  encode: (image: Sharp) => image.webp({ quality: 85, effort: 2 }),
};

/** What each type is kept as. AVIF becomes WebP: 12 megapixels take 28 s to encode as AVIF (sharp 0.35.5), 0.6 s so. */
const KEPT_AS: Readonly<Record<ImageType, Encoding>> = {
  "image/jpeg": JPEG,
  "image/png": PNG,
  // Its first frame.
  "image/apng": PNG,
  "image/gif": GIF,
  "image/webp": WEBP,
  "image/avif": WEBP,
};

// One core an image, two images at a time: predictable on two cores and on sixteen. No decoded pictures kept for later.
sharp.concurrency(1);
sharp.cache(false);
// libvips reads forty formats, each a parser that hostile bytes can reach; five are enough.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({
  operation: [
    "VipsForeignLoadJpeg",
    "VipsForeignLoadPng",
    "VipsForeignLoadNsgif",
    "VipsForeignLoadWebp",
    "VipsForeignLoadHeif",
  ],
});
const processing = new Gate({ concurrent: 2, waiting: Number.POSITIVE_INFINITY });
/** One at a time of those that may be held whole: two of 66 megapixels with 16 bits would take more than a gigabyte. */
const processingLarge = new Gate({ concurrent: 1, waiting: Number.POSITIVE_INFINITY });
const LARGE_BYTES = 150_000_000;
/** Uploads in work and waiting, which are in memory already: 24 of the largest. A small one counts as a megabyte. */
const MAX_HELD_BYTES = 384 * 1024 * 1024;
const LEAST_COUNTED_BYTES = 1024 * 1024;
let heldBytes = 0;

/** Throws Invalid, with a sentence to act on, for whatever isn't an image we take. Owners take turns. */
export function processImage(input: Buffer, owner?: bigint): Promise<ProcessedImage> {
  return inTurn(input, owner, async (inspected) => {
    const keptAs = KEPT_AS[inspected.type];
    const source = await readable(inspected);
    const { data, info } = await encodeOriginal(keptAs, source);
    const { width, pageHeight: height = info.height } = info;
    const small = await limited(
      sharp(data, READ)
        .resize(within(width, height, MAX_PREVIEW_PIXELS))
        .webp({ quality: 80 }),
    ).toBuffer({ resolveWithObject: true });
    return {
      mime: keptAs.mime,
      extension: keptAs.extension,
      original: data,
      preview: small.data,
      previewMime: "image/webp",
      previewExtension: "webp",
      blurhash: await blurhashOf(small.data),
      meta: { original: sizeOf(width, height), small: sizeOf(small.info.width, small.info.height) },
    };
  });
}

export interface ProcessedAvatar extends EncodedImage {
  /** The first frame of an animation; null if it stands still anyway. */
  readonly still: Buffer | null;
}

/** 400 × 400, the middle of the picture. Animations go on moving. */
export function processAvatar(input: Buffer, owner?: bigint): Promise<ProcessedAvatar> {
  return inTurn(input, owner, async (inspected) => {
    const source = await readable(inspected);
    const first = await cover(still(source), AVATAR);
    if (!source.animated) return { ...COVER, original: first, still: null };
    return { ...COVER, original: await cover(moving(source), AVATAR), still: first };
  });
}

/** 1500 × 500, the middle of the picture; of an animation, its first frame. */
export function processHeader(input: Buffer, owner?: bigint): Promise<EncodedImage> {
  return inTurn(input, owner, async (inspected) => {
    return { ...COVER, original: await cover(still(await readable(inspected)), HEADER) };
  });
}

const AVATAR = { width: 400, height: 400 };
const HEADER = { width: 1500, height: 500 };
const COVER = { mime: WEBP.mime, extension: WEBP.extension };

function cover(image: Sharp, size: { width: number; height: number }): Promise<Buffer> {
  return limited(WEBP.encode(image.resize({ ...size, fit: "cover" }))).toBuffer();
}

async function inTurn<T>(
  input: Buffer,
  owner: bigint | undefined,
  work: (inspected: Inspected) => Promise<T>,
): Promise<T> {
  const countedBytes = Math.max(input.length, LEAST_COUNTED_BYTES);
  if (heldBytes + countedBytes > MAX_HELD_BYTES) {
    throw new Unavailable("Too many images are being uploaded right now; try again in a moment", {
      retryAfterMs: 5_000,
    });
  }
  heldBytes += countedBytes;
  try {
    const inspected = await inspect(input);
    const run = () => processing.run(() => work(inspected), owner);
    return await (inspected.decodedBytes > LARGE_BYTES ? processingLarge.run(run, owner) : run());
  } catch (error) {
    if (error instanceof Invalid || error instanceof Unavailable || error instanceof TypeError) throw error;
    if (/timeout/i.test((error as Error).message)) {
      throw new Invalid(
        `The image takes more than ${TIMEOUT_SECONDS} seconds to process: make it smaller, or try again when the server is less busy`,
      );
    }
    throw new Invalid("The image can't be read: it's damaged or incomplete. Save it again and upload that");
  } finally {
    heldBytes -= countedBytes;
  }
}

/** What libvips understands: with its end, and with its colours told by a profile. */
interface Readable {
  readonly bytes: Buffer;
  readonly animated: boolean;
  /** sharp brings 16 bits with a profile to Display P3, not to sRGB (0.35.5): the rest of the way is asked for. */
  readonly endsInP3: boolean;
}

async function readable({ type, bytes, animated, is16Bit, profile }: Inspected): Promise<Readable> {
  if (type === "image/png" || type === "image/apng") {
    const told = toldColours(bytes);
    if (told?.isGrey) return recoloured(bytes, told.space);
    if (told) return { bytes: withColourSpace(bytes, told.space), animated, endsInP3: is16Bit };
  }
  if (type === "image/avif" && profile === "none") {
    const space = colourSpaceOfAvif(bytes);
    if (space) return recoloured(bytes, space);
  }
  return {
    bytes: type === "image/jpeg" ? await ended(bytes) : bytes,
    animated,
    endsInP3: is16Bit && profile === "rgb",
  };
}

/** For what can't take a profile: pixels of an AVIF move to a PNG, grey ones become RGB, which is converted exactly. */
async function recoloured(bytes: Buffer, space: ColourSpace): Promise<Readable> {
  const { autoOrient } = await sharp(bytes, READ).metadata();
  const pixels = sharp(bytes, { ...READ, ignoreIcc: true })
    .autoOrient()
    .resize(within(autoOrient.width, autoOrient.height, MAX_ORIGINAL_PIXELS))
    .toColourspace("rgb16")
    .png({ compressionLevel: 1 });
  return {
    bytes: withColourSpace(await limited(pixels).toBuffer(), space),
    animated: false,
    endsInP3: true,
  };
}

/** A JPEG that lacks its end is taken as browsers take it, if most is there. */
async function ended(jpeg: Buffer): Promise<Buffer> {
  const cut = missingEnd(jpeg);
  if (!cut || cut.isSketched) return cut?.ended ?? jpeg;
  const pixels = cut.isRowByRow ? await upperRows(jpeg) : sharp(cut.ended, { ...READ, failOn: "warning" });
  try {
    await limited(pixels.resize({ width: 1, height: 1, fit: "fill", fastShrinkOnLoad: false })).toBuffer();
  } catch (error) {
    if (/timeout/i.test((error as Error).message)) throw error;
    throw new Invalid("The image is cut off, and too much of it is missing: save it again and upload that");
  }
  return cut.ended;
}

/** Nine tenths of the rows, less what is read ahead. */
async function upperRows(jpeg: Buffer): Promise<Sharp> {
  const image = sharp(jpeg, READ);
  const { width, height } = await image.metadata();
  const rows = Math.max(1, Math.floor(height * 0.9) - ROWS_READ_AHEAD);
  return image.extract({ left: 0, top: 0, width, height: rows });
}

/** By libvips in strips of 16, of which a block of JPEG's may reach into the next. */
const ROWS_READ_AHEAD = 32;
const READ = { limitInputPixels: MAX_INPUT_PIXELS, failOn: "error" } as const;

/** Turned as the camera held it. What sharp writes has no metadata unless asked: the place it was taken is gone. */
function still({ bytes, endsInP3 }: Readable): Sharp {
  return inSrgb(sharp(bytes, READ).autoOrient(), endsInP3);
}

/** As `still`, but with all frames; orientation isn't a thing of animations. */
function moving({ bytes, endsInP3 }: Readable): Sharp {
  return inSrgb(sharp(bytes, { ...READ, limitInputPixels: MAX_ANIMATION_PIXELS, animated: true }), endsInP3);
}

function inSrgb(image: Sharp, endsInP3: boolean): Sharp {
  return endsInP3 ? image.withIccProfile("srgb", { attach: false }) : image;
}

function limited(image: Sharp): Sharp {
  return image.timeout({ seconds: TIMEOUT_SECONDS });
}

async function encodeOriginal(keptAs: Encoding, source: Readable) {
  const image = source.animated ? moving(source) : still(source);
  const { width, pageHeight, autoOrient } = await image.metadata();
  const shown = pageHeight ? { width, height: pageHeight } : autoOrient;
  return limited(
    keptAs.encode(image.resize(within(shown.width, shown.height, MAX_ORIGINAL_PIXELS))),
  ).toBuffer({ resolveWithObject: true });
}

async function blurhashOf(data: Buffer): Promise<string> {
  const { data: pixels, info } = await sharp(data, READ)
    .resize(BLURHASH_PIXELS, BLURHASH_PIXELS, { fit: "inside" })
    // The format knows no transparency, and what is transparent is black beneath.
    .flatten({ background: "white" })
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return encode(new Uint8ClampedArray(pixels), info.width, info.height, 4, 3);
}

/** The size with the same shape and at most so many pixels. */
function within(
  width: number,
  height: number,
  maxPixels: number,
): { width: number; height: number; fit: "fill" } {
  const scale = Math.min(1, Math.sqrt(maxPixels / (width * height)), MAX_SIDE / Math.max(width, height));
  const scaled = (side: number) => Math.max(1, Math.floor(side * scale));
  return { width: scaled(width), height: scaled(height), fit: "fill" };
}

function sizeOf(width: number, height: number): ImageSize {
  return { width, height, size: `${width}x${height}`, aspect: width / height };
}
