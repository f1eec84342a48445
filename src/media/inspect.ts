/** What an upload is, by its own bytes and header, before anything is decoded. Refusals say what to do. */
import { fileTypeFromBuffer } from "file-type";
import sharp, { type Metadata } from "sharp";
import { Invalid } from "../core/errors.ts";
import { asStill } from "./colour/avif.ts";
import { MAX_ANIMATION_PIXELS, MAX_FRAMES, MAX_INPUT_PIXELS } from "./limits.ts";

export type ImageType = (typeof TYPES)[number];

export interface Inspected {
  readonly type: ImageType;
  /** As uploaded, or under a name that the decoder knows. */
  readonly bytes: Buffer;
  readonly animated: boolean;
  readonly is16Bit: boolean;
  /** The ICC profile in it. Also one that is broken, or doesn't fit the pixels, is some profile. */
  readonly profile: "none" | "rgb" | "other";
  /** Decoded and held whole. Most are read a strip at a time and take far less. */
  readonly decodedBytes: number;
}

const TYPES = ["image/jpeg", "image/png", "image/apng", "image/gif", "image/webp", "image/avif"] as const;

/** The type by the bytes themselves, not by what the client says; size and frames by the header. */
export async function inspect(input: Buffer): Promise<Inspected> {
  if (input.length === 0) throw new Invalid("The file is empty: choose an image and upload it again");
  const mime = (await fileTypeFromBuffer(input))?.mime ?? "";
  if (mime === "image/heic" || mime === "image/heif") {
    throw new Invalid("HEIC images aren't supported: save it as JPEG and upload that");
  }
  const type = TYPES.find((known) => known === mime);
  if (!type) {
    throw new Invalid("This file type isn't supported: upload a JPEG, PNG, GIF, WebP or AVIF image");
  }
  const bytes = type === "image/avif" ? asStill(input) : input;
  const metadata = await sharp(bytes, { limitInputPixels: false, failOn: "error" }).metadata();
  const { width, height, pages = 1 } = metadata;
  const pixels = width * height;
  checkSize(pixels);
  if (pages > MAX_FRAMES) {
    throw new Invalid(
      `The animation has ${pages} frames; ${MAX_FRAMES} is the most: make it shorter and upload that`,
    );
  }
  const animated = pages > 1 && (type === "image/gif" || type === "image/webp");
  if (animated && pixels * pages > MAX_ANIMATION_PIXELS) {
    throw new Invalid("The animation has too many pixels: make it smaller or shorter and upload that");
  }
  return {
    type,
    bytes,
    animated,
    is16Bit: metadata.depth === "ushort",
    profile: profileOf(metadata),
    decodedBytes: pixels * (animated ? pages : 1) * bytesPerPixel(metadata),
  };
}

function checkSize(pixels: number): void {
  if (pixels <= MAX_INPUT_PIXELS) return;
  // Rounded up, so that it never reads as the limit itself.
  const megapixels = Math.ceil(pixels / 1e5) / 10;
  throw new Invalid(
    `The image has ${megapixels} megapixels; ${MAX_INPUT_PIXELS / 1e6} is the most: make it smaller and upload that`,
  );
}

function profileOf({ icc }: Metadata): Inspected["profile"] {
  if (!icc) return "none";
  const isRgb = icc.toString("latin1", 16, 20) === "RGB " && icc.toString("latin1", 36, 40) === "acsp";
  return isRgb ? "rgb" : "other";
}

function bytesPerPixel({ depth, channels, format }: Metadata): number {
  const decoded = channels * (depth === "ushort" ? 2 : 1);
  // AVIF is held twice: as luma and chroma, and as RGB.
  return format === "heif" ? decoded * 2 : decoded;
}
