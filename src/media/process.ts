/** Uploaded images: told by their bytes, turned upright, stripped of everything but the picture, and made smaller. */
import { encode } from "blurhash";
import { fileTypeFromBuffer } from "file-type";
import sharp, { type Sharp } from "sharp";
import { Invalid } from "../core/errors.ts";
import { Gate } from "../core/gate.ts";

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

/** What a header may announce; a bomb of 200 megapixels is refused from its first bytes. */
const MAX_INPUT_PIXELS = 50_000_000;
/** All frames together: they are encoded one by one, at about 8 megapixels a second. */
const MAX_ANIMATION_PIXELS = 64_000_000;
const MAX_FRAMES = 200;
/** As Mastodon: 3840 × 2160 and 640 × 360, in any shape. */
const MAX_ORIGINAL_PIXELS = 8_294_400;
const MAX_PREVIEW_PIXELS = 230_400;
/** WebP can't be longer. */
const MAX_SIDE = 16_383;
const TIMEOUT_SECONDS = 20;
const BLURHASH_PIXELS = 32;

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
const KEPT_AS = {
  "image/jpeg": JPEG,
  "image/png": PNG,
  // Its first frame.
  "image/apng": PNG,
  "image/gif": GIF,
  "image/webp": WEBP,
  "image/avif": WEBP,
} as const;

/** What the bytes turned out to be. */
interface Checked {
  readonly keptAs: { extension: string; mime: string; encode: (image: Sharp) => Sharp };
  readonly animated: boolean;
}

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
const processing = new Gate({ concurrent: 2, waiting: 20 });

/** Throws Invalid, with a sentence to act on, for whatever isn't an image we take. */
export function processImage(input: Buffer): Promise<ProcessedImage> {
  return guarded(async () => {
    const { keptAs, animated } = await checked(input);
    const { data, info } = await encodeOriginal(keptAs, upright(input, animated));
    const { width, pageHeight: height = info.height } = info;
    const small = await still(data)
      .resize(within(width, height, MAX_PREVIEW_PIXELS))
      .webp({ quality: 80 })
      .timeout({ seconds: TIMEOUT_SECONDS })
      .toBuffer({ resolveWithObject: true });
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

/** 400 × 400, the middle of the picture; of an animation, its first frame. */
export function processAvatar(input: Buffer): Promise<EncodedImage> {
  return cover(input, 400, 400);
}

/** 1500 × 500, as `processAvatar`. */
export function processHeader(input: Buffer): Promise<EncodedImage> {
  return cover(input, 1500, 500);
}

function cover(input: Buffer, width: number, height: number): Promise<EncodedImage> {
  return guarded(async () => {
    await checked(input);
    const original = await still(input)
      .resize(width, height, { fit: "cover" })
      .webp({ quality: 85 })
      .timeout({ seconds: TIMEOUT_SECONDS })
      .toBuffer();
    return { mime: "image/webp", extension: "webp", original };
  });
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  return processing.run(async () => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Invalid || error instanceof TypeError) throw error;
      const reason = (error as Error).message;
      if (/timeout/i.test(reason)) throw new Invalid("The image takes too long to process: make it smaller");
      throw new Invalid("The image can't be read: it's damaged or incomplete. Save it again and upload that");
    }
  });
}

/** The type by the bytes themselves, not by what the client says; size and frames by the header. */
async function checked(input: Buffer): Promise<Checked> {
  if (input.length === 0) throw new Invalid("The file is empty: choose an image and upload it again");
  const mime = (await fileTypeFromBuffer(input))?.mime ?? "";
  if (mime === "image/heic" || mime === "image/heif") {
    throw new Invalid("HEIC images aren't supported: save it as JPEG and upload that");
  }
  if (!isKept(mime)) {
    throw new Invalid("This file type isn't supported: upload a JPEG, PNG, GIF, WebP or AVIF image");
  }
  const { width = 0, height = 0, pages = 1 } = await sharp(input, { limitInputPixels: false }).metadata();
  if (width * height > MAX_INPUT_PIXELS) {
    const megapixels = Math.round((width * height) / 1e6);
    const most = MAX_INPUT_PIXELS / 1e6;
    throw new Invalid(
      `The image has ${megapixels} megapixels; ${most} is the most: make it smaller and upload that`,
    );
  }
  if (pages > MAX_FRAMES) {
    throw new Invalid(
      `The animation has ${pages} frames; ${MAX_FRAMES} is the most: make it shorter and upload that`,
    );
  }
  const animated = pages > 1 && (mime === "image/gif" || mime === "image/webp");
  if (animated && width * height * pages > MAX_ANIMATION_PIXELS) {
    throw new Invalid("The animation has too many pixels: make it smaller or shorter and upload that");
  }
  return { keptAs: KEPT_AS[mime], animated };
}

function isKept(mime: string): mime is keyof typeof KEPT_AS {
  return Object.hasOwn(KEPT_AS, mime);
}

/** Turned as the camera held it. What sharp writes has no metadata unless asked: the place it was taken is gone. */
function upright(input: Buffer, animated: boolean): Sharp {
  if (!animated) return still(input);
  return sharp(input, { limitInputPixels: MAX_ANIMATION_PIXELS, failOn: "error", animated });
}

function still(input: Buffer): Sharp {
  return sharp(input, { limitInputPixels: MAX_INPUT_PIXELS, failOn: "error" }).autoOrient();
}

async function encodeOriginal(keptAs: Checked["keptAs"], image: Sharp) {
  const { width, pageHeight, autoOrient } = await image.metadata();
  const shown = pageHeight ? { width, height: pageHeight } : autoOrient;
  return keptAs
    .encode(image.resize(within(shown.width, shown.height, MAX_ORIGINAL_PIXELS)))
    .timeout({ seconds: TIMEOUT_SECONDS })
    .toBuffer({ resolveWithObject: true });
}

async function blurhashOf(data: Buffer): Promise<string> {
  const { data: pixels, info } = await still(data)
    .resize(BLURHASH_PIXELS, BLURHASH_PIXELS, { fit: "inside" })
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
