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
const MAX_ORIGINAL_PIXELS = 8_294_400;
const MAX_PREVIEW_PIXELS = 230_400;
const MAX_FRAMES = 200;
const TIMEOUT_SECONDS = 20;
const BLURHASH_PIXELS = 32;

const FORMATS = {
  "image/jpeg": { extension: "jpg", encode: (image: Sharp) => image.jpeg({ quality: 85, mozjpeg: false }) },
  "image/png": { extension: "png", encode: (image: Sharp) => image.png({ compressionLevel: 7 }) },
  "image/gif": { extension: "gif", encode: (image: Sharp) => image.gif() },
  "image/webp": { extension: "webp", encode: (image: Sharp) => image.webp({ quality: 85 }) },
  "image/avif": { extension: "avif", encode: (image: Sharp) => image.avif({ quality: 60 }) },
} as const;
type Mime = keyof typeof FORMATS;

// One image may use all cores for a moment; none may fill memory with decoded copies kept for later.
sharp.cache(false);
const processing = new Gate({ concurrent: 2, waiting: 20 });

/** Throws Invalid, with a sentence to act on, for whatever isn't an image we take. */
export function processImage(input: Buffer): Promise<ProcessedImage> {
  return guarded(async () => {
    const mime = await checked(input);
    const { data, info } = await encodeAs(mime, upright(input, mime), MAX_ORIGINAL_PIXELS);
    const small = await preview(data);
    return {
      mime,
      extension: FORMATS[mime].extension,
      original: data,
      preview: small.data,
      previewMime: "image/webp",
      previewExtension: "webp",
      blurhash: await blurhashOf(data),
      meta: { original: sizeOf(info.width, info.pageHeight ?? info.height), small: sizeOf(small.info.width, small.info.height) },
    };
  });
}

/** 400 × 400, the middle of the picture. */
export function processAvatar(input: Buffer): Promise<EncodedImage> {
  return cover(input, 400, 400);
}

/** 1500 × 500. */
export function processHeader(input: Buffer): Promise<EncodedImage> {
  return cover(input, 1500, 500);
}

function cover(input: Buffer, width: number, height: number): Promise<EncodedImage> {
  return guarded(async () => {
    await checked(input);
    const original = await still(input)
      .resize(width, height, { fit: "cover", position: "attention" })
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
      if (error instanceof Invalid) throw error;
      const reason = (error as Error).message;
      if (/timeout/i.test(reason)) throw new Invalid("The image takes too long to process: make it smaller");
      throw new Invalid("The image can't be read: it's damaged or incomplete. Save it again and upload that");
    }
  });
}

/** The type by the bytes themselves, not by what the client says; size and frames by the header. */
async function checked(input: Buffer): Promise<Mime> {
  if (input.length === 0) throw new Invalid("The file is empty");
  const found = await fileTypeFromBuffer(input);
  if (!found || !Object.hasOwn(FORMATS, found.mime)) {
    throw new Invalid("This file type isn't supported: upload a JPEG, PNG, GIF, WebP or AVIF image");
  }
  const { width = 0, height = 0, pages = 1 } = await sharp(input, { limitInputPixels: false }).metadata();
  if (width * height > MAX_INPUT_PIXELS) {
    const megapixels = Math.round((width * height) / 1e6);
    throw new Invalid(`The image has ${megapixels} megapixels: ${MAX_INPUT_PIXELS / 1e6} is the most`);
  }
  if (pages > MAX_FRAMES || width * height * pages > 4 * MAX_INPUT_PIXELS) {
    throw new Invalid(`The animation is too long: ${MAX_FRAMES} frames is the most`);
  }
  return found.mime as Mime;
}

/** Turned as the camera held it. What sharp writes has no metadata unless asked: the place it was taken is gone. */
function upright(input: Buffer, mime: Mime): Sharp {
  const animated = mime === "image/gif" || mime === "image/webp";
  const image = sharp(input, { limitInputPixels: 4 * MAX_INPUT_PIXELS, failOn: "error", animated });
  return animated ? image : image.autoOrient();
}

function still(input: Buffer): Sharp {
  return sharp(input, { limitInputPixels: MAX_INPUT_PIXELS, failOn: "error" }).autoOrient();
}

async function encodeAs(mime: Mime, image: Sharp, maxPixels: number) {
  const { width = 1, height = 1, pageHeight, autoOrient } = await image.metadata();
  const shown = pageHeight ? { width, height: pageHeight } : (autoOrient ?? { width, height });
  return FORMATS[mime]
    .encode(image.resize(fit(shown.width ?? width, shown.height ?? height, maxPixels)))
    .timeout({ seconds: TIMEOUT_SECONDS })
    .toBuffer({ resolveWithObject: true });
}

async function preview(data: Buffer) {
  const { width = 1, height = 1, pageHeight } = await sharp(data).metadata();
  return still(data)
    .resize(fit(width, pageHeight ?? height, MAX_PREVIEW_PIXELS))
    .webp({ quality: 80 })
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
function fit(width: number, height: number, maxPixels: number): { width: number; height: number; fit: "fill" } {
  const scale = Math.min(1, Math.sqrt(maxPixels / (width * height)));
  return { width: Math.max(1, Math.floor(width * scale)), height: Math.max(1, Math.floor(height * scale)), fit: "fill" };
}

function sizeOf(width: number, height: number): ImageSize {
  return { width, height, size: `${width}x${height}`, aspect: width / height };
}
