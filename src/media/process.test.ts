import { crc32, deflateSync } from "node:zlib";
import { isBlurhashValid } from "blurhash";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { Invalid, Unavailable } from "../core/errors.ts";
import { processAvatar, processHeader, processImage } from "./process.ts";

/** Left half red, right half blue, so that turning and cropping show. */
function picture(width: number, height: number) {
  const half = { width: Math.ceil(width / 2), height, channels: 3 as const, background: "blue" };
  return sharp({ create: { width, height, channels: 3, background: "red" } }).composite([
    { input: { create: half }, left: Math.floor(width / 2), top: 0 },
  ]);
}

/** Colours that differ from frame to frame, so that none are merged. */
function animation(width: number, height: number, frames: number) {
  const pixels = Buffer.alloc(width * height * frames * 3, 0);
  for (let frame = 0; frame < frames; frame++) {
    pixels.fill((frame * 37) % 256, frame * width * height * 3, (frame + 1) * width * height * 3);
  }
  return sharp(pixels, { raw: { width, height: height * frames, channels: 3, pageHeight: height } });
}

async function colourAt(image: Buffer, left: number, top: number): Promise<"red" | "blue" | "other"> {
  const [red = 0, , blue = 0] = await sharp(image)
    .extract({ left, top, width: 1, height: 1 })
    .raw()
    .toBuffer();
  return red > 200 && blue < 60 ? "red" : blue > 200 && red < 60 ? "blue" : "other";
}

/** A PNG of so many black pixels in a few kilobytes. */
function bomb(width: number, height: number, rows = height): Buffer {
  const chunk = (type: string, body: Buffer) => {
    const framed = Buffer.alloc(body.length + 12);
    framed.writeUInt32BE(body.length, 0);
    framed.write(type, 4, "latin1");
    body.copy(framed, 8);
    framed.writeUInt32BE(crc32(framed.subarray(4, 8 + body.length)), 8 + body.length);
    return framed;
  };
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const pixels = chunk("IDAT", deflateSync(Buffer.alloc((width * 3 + 1) * rows)));
  return Buffer.concat([signature, chunk("IHDR", header), pixels, chunk("IEND", Buffer.alloc(0))]);
}

describe("processImage", () => {
  test.each([
    ["jpeg", "image/jpeg", "jpg"],
    ["png", "image/png", "png"],
    ["gif", "image/gif", "gif"],
    ["webp", "image/webp", "webp"],
    ["avif", "image/webp", "webp"],
  ] as const)("keeps %s as %s", async (format, mime, extension) => {
    const image = await processImage(await picture(1200, 800).toFormat(format).toBuffer());
    expect(image).toMatchObject({ mime, extension, previewMime: "image/webp", previewExtension: "webp" });
    expect(image.meta).toEqual({
      original: { width: 1200, height: 800, size: "1200x800", aspect: 1.5 },
      small: { width: 587, height: 391, size: "587x391", aspect: 587 / 391 },
    });
    expect(await sharp(image.original).metadata()).toMatchObject({
      format: extension === "jpg" ? "jpeg" : extension,
    });
    expect(await sharp(image.preview).metadata()).toMatchObject({ format: "webp", width: 587, height: 391 });
    expect(isBlurhashValid(image.blurhash).result).toBe(true);
    expect(await colourAt(image.original, 10, 10)).toBe("red");
    expect(await colourAt(image.preview, 580, 10)).toBe("blue");
  });

  test("turns a photo upright and forgets where, when and with what it was taken", async () => {
    const photo = await picture(400, 200)
      .withExif({
        IFD0: { Make: "Nestcam", Copyright: "somebody" },
        IFD3: {
          GPSLatitudeRef: "N",
          GPSLatitude: "52/1 31/1 0/1",
          GPSLongitudeRef: "E",
          GPSLongitude: "13/1 24/1 0/1",
        },
      })
      .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/"><secret/></x:xmpmeta>')
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const before = await sharp(photo).metadata();
    expect(before.orientation).toBe(6);
    expect(photo.includes("Nestcam")).toBe(true);
    for (const { original } of [
      await processImage(photo),
      await processAvatar(photo),
      await processHeader(photo),
    ]) {
      const { exif, xmp, iptc, icc, orientation } = await sharp(original).metadata();
      expect({ exif, xmp, iptc, icc, orientation }).toEqual({});
      for (const secret of ["Nestcam", "somebody", "secret", "Exif"])
        expect(original.includes(secret)).toBe(false);
    }
    const image = await processImage(photo);
    expect(image.meta.original).toMatchObject({ width: 200, height: 400 });
    expect(await colourAt(image.original, 100, 20)).toBe("red");
    expect(await colourAt(image.original, 100, 380)).toBe("blue");
  });

  test("makes large pictures smaller, in any shape", async () => {
    const large = await processImage(await picture(6000, 4000).jpeg().toBuffer());
    expect(large.meta.original).toMatchObject({ width: 3527, height: 2351 });
    const strip = await processImage(await picture(4, 40_000).png().toBuffer());
    expect(strip.meta.original).toMatchObject({ width: 1, height: 16_383 });
    const dot = await processImage(await picture(2, 1).gif().toBuffer());
    expect(dot.meta).toMatchObject({ original: { size: "2x1" }, small: { size: "2x1" } });
  });

  test("keeps animations moving, and previews their first frame", async () => {
    for (const format of ["gif", "webp"] as const) {
      const image = await processImage(await animation(64, 48, 7).toFormat(format, { loop: 0 }).toBuffer());
      expect(image.meta.original.size).toBe("64x48");
      expect(await sharp(image.original).metadata()).toMatchObject({ format, pages: 7 });
      expect((await sharp(image.preview).metadata()).pages ?? 1).toBe(1);
    }
  });

  test("keeps what can be seen through", async () => {
    const clear = sharp({ create: { width: 50, height: 50, channels: 4, background: "#00000000" } });
    const image = await processImage(await clear.png().toBuffer());
    expect(await sharp(image.original).metadata()).toMatchObject({ hasAlpha: true });
  });
});

describe("avatars and headers", () => {
  test.each([
    [processAvatar, 400, 400],
    [processHeader, 1500, 500],
  ])("%o covers %i × %i with the middle of the picture", async (process, width, height) => {
    for (const [fromWidth, fromHeight] of [
      [2000, 400],
      [300, 900],
      [10, 10],
    ] as const) {
      const image = await process(await picture(fromWidth, fromHeight).png().toBuffer());
      expect(image).toMatchObject({ mime: "image/webp", extension: "webp" });
      expect(await sharp(image.original).metadata()).toMatchObject({ width, height });
      expect(await colourAt(image.original, 10, 10)).toBe("red");
      expect(await colourAt(image.original, width - 10, 10)).toBe("blue");
    }
  });

  test("stand still", async () => {
    const { original } = await processAvatar(await animation(50, 50, 5).gif().toBuffer());
    expect((await sharp(original).metadata()).pages ?? 1).toBe(1);
  });
});

describe("what isn't taken is refused in a sentence", () => {
  const photo = picture(800, 600).jpeg().toBuffer();
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>';
  const heic = Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1");

  test.each<[string, () => Promise<Buffer> | Buffer, RegExp]>([
    ["nothing", () => Buffer.alloc(0), /empty/],
    ["text", () => Buffer.from("hello, this isn't a picture"), /isn't supported: upload a JPEG/],
    ["SVG", () => Buffer.from(svg), /isn't supported: upload a JPEG/],
    [
      "SVG with an XML declaration",
      () => Buffer.from(`<?xml version="1.0"?>${svg}`),
      /isn't supported: upload/,
    ],
    ["TIFF", () => picture(20, 20).tiff().toBuffer(), /isn't supported: upload a JPEG/],
    ["HEIC", () => heic, /HEIC .* JPEG/],
    [
      "a JPEG cut off",
      async () => (await photo).subarray(0, (await photo).length >> 1),
      /damaged or incomplete/,
    ],
    ["a JPEG's first bytes", async () => (await photo).subarray(0, 30), /damaged or incomplete/],
    ["a PNG without its end", () => bomb(500, 500, 100), /damaged or incomplete/],
    [
      "an SVG behind a PNG's signature",
      () => Buffer.concat([bomb(1, 1).subarray(0, 8), Buffer.from(svg)]),
      /damaged|supported/,
    ],
    [
      "an animation of 201 frames",
      () => animation(4, 4, 201).gif().toBuffer(),
      /201 frames; 200 is the most/,
    ],
    ["a large animation", () => animation(1000, 1000, 65).gif({ effort: 1 }).toBuffer(), /too many pixels/],
  ])(
    "%s",
    async (_, make, sentence) => {
      const input = await make();
      for (const process of [processImage, processAvatar, processHeader]) {
        const refused = await process(input).then(
          () => null,
          (error: unknown) => error,
        );
        expect(refused).toBeInstanceOf(Invalid);
        expect((refused as Invalid).message).toMatch(sentence);
        expect((refused as Invalid).httpStatus).toBe(422);
      }
    },
    30_000,
  );

  test("200 megapixels, from the header alone", async () => {
    const large = bomb(20_000, 10_000, 1_000);
    const beforeMb = process.resourceUsage().maxRSS / 1024;
    for (let i = 0; i < 10; i++) {
      await expect(processImage(large)).rejects.toThrow(/200 megapixels; 50 is the most/);
    }
    expect(process.resourceUsage().maxRSS / 1024 - beforeMb).toBeLessThan(20);
  });

  test("formats that sharp could read but we never take stay blocked", async () => {
    await expect(sharp(Buffer.from(svg)).metadata()).rejects.toThrow();
    const tiff = await picture(9, 9).tiff().toBuffer();
    await expect(sharp(tiff).metadata()).rejects.toThrow();
  });
});

test("a crowd of uploads waits its turn, and beyond that is asked to come back", async () => {
  const photo = await picture(600, 400).jpeg().toBuffer();
  const settled = await Promise.allSettled(Array.from({ length: 30 }, () => processImage(photo)));
  const refused = settled.filter((one) => one.status === "rejected");
  expect(refused).toHaveLength(8);
  for (const { reason } of refused) expect(reason).toBeInstanceOf(Unavailable);
  await expect(processImage(photo)).resolves.toMatchObject({ mime: "image/jpeg" });
});
