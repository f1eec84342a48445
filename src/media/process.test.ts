import { readFileSync } from "node:fs";
import { isBlurhashValid } from "blurhash";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { makePng } from "../../test/support/png.ts";
import { Invalid, Unavailable } from "../core/errors.ts";
import { MAX_INPUT_PIXELS } from "./limits.ts";
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

  test("the blurhash of what is transparent is white's, not that of the black beneath", async () => {
    const blank = (background: string) =>
      sharp({ create: { width: 50, height: 50, channels: 4, background } })
        .png()
        .toBuffer();
    const clear = await processImage(await blank("#00000000"));
    expect(clear.blurhash).toBe((await processImage(await blank("#ffffff"))).blurhash);
  });

  test("keeps what can be seen through", async () => {
    const clear = sharp({ create: { width: 50, height: 50, channels: 4, background: "#00000000" } });
    const image = await processImage(await clear.png().toBuffer());
    expect(await sharp(image.original).metadata()).toMatchObject({ hasAlpha: true });
  });
});

describe("what browsers show is shown", () => {
  const kept = (name: string) =>
    readFileSync(new URL(`../../test/support/pictures/${name}`, import.meta.url));

  test.each([
    ["phone-50mp-8160x6144.png", "image/png", "3319x2499", 1],
    ["jpeg-without-eoi.jpg", "image/jpeg", "160x120", 1],
    ["jpeg-last-rows-missing.jpg", "image/jpeg", "160x120", 1],
    ["gif-second-header.gif", "image/gif", "40x30", 1],
    ["animated.avif", "image/webp", "96x72", 1],
    ["avif-cicp-display-p3.avif", "image/webp", "160x120", 1],
    ["avif-cicp-bt2020-pq.avif", "image/webp", "160x120", 1],
  ])(
    "%s",
    async (name, mime, size, pages) => {
      const image = await processImage(kept(name));
      expect(image).toMatchObject({ mime, meta: { original: { size } } });
      expect((await sharp(image.original).metadata()).pages ?? 1).toBe(pages);
    },
    30_000,
  );

  test("a JPEG without its last marker loses nothing", async () => {
    const cut = kept("jpeg-without-eoi.jpg");
    const whole = Buffer.concat([cut, Buffer.from([0xff, 0xd9])]);
    expect((await processImage(cut)).original).toEqual((await processImage(whole)).original);
  });

  test.each([
    ["row by row", { progressive: false }],
    ["row by row, in colours of full size", { progressive: false, chromaSubsampling: "4:4:4" }],
    ["progressive", { progressive: true }],
    ["grey and progressive", { progressive: true, grey: true }],
  ])(
    "a JPEG, %s, may lack its last bytes, not its half",
    async (_, { grey, ...options }: { grey?: boolean; progressive: boolean }) => {
      const photo = await (grey ? noise().greyscale() : noise()).jpeg({ quality: 85, ...options }).toBuffer();
      const first = (share: number) => photo.subarray(0, Math.floor(photo.length * share));
      for (const cut of [photo.subarray(0, -1), photo.subarray(0, -2), photo.subarray(0, -40), first(0.97)]) {
        const { meta, original } = await processImage(cut);
        expect(meta.original.size).toBe("640x480");
        expect(await difference(photo, original, 0.85)).toBeLessThan(4);
      }
      // Half of a progressive one is the whole picture in less detail.
      for (const cut of options.progressive ? [first(0.2)] : [first(0.5), first(0.2)]) {
        await expect(processImage(cut).then(({ meta }) => meta)).rejects.toThrow(
          /cut off, and too much of it is missing/,
        );
      }
    },
  );

  /** Soft, so that JPEG keeps it well; every block has something to tell. */
  function noise() {
    const shade = (i: number) => 128 + 90 * Math.sin(i / 977) + (((i * 7_919) % 31) - 15);
    const pixels = Buffer.from(Array.from({ length: 640 * 480 * 3 }, (_, i) => shade(Math.floor(i / 3))));
    return sharp(pixels, { raw: { width: 640, height: 480, channels: 3 } });
  }

  /** Mean of the upper rows. */
  async function difference(one: Buffer, other: Buffer, share: number): Promise<number> {
    const upper = (image: Buffer) =>
      sharp(image)
        .extract({ left: 0, top: 0, width: 640, height: Math.floor(480 * share) })
        .toColourspace("srgb")
        .raw()
        .toBuffer();
    const [a, b] = [await upper(one), await upper(other)];
    return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? 0)), 0) / a.length;
  }

  test("what is sold as 64 megapixels is a little more, and taken", async () => {
    const [width, height] = [9248, 6944];
    const photo = sharp({ create: { width, height, channels: 3, background: "#345" } });
    const { meta } = await processImage(await photo.jpeg({ quality: 50 }).toBuffer());
    expect(meta.original.aspect).toBeCloseTo(width / height, 2);
  }, 60_000);

  test.each([
    [8160, 6144],
    [8192, 6144],
    [9280, 6944],
  ])("%i × %i are within the limit", (width, height) => {
    expect(width * height).toBeLessThan(MAX_INPUT_PIXELS);
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

  test.each(["gif", "webp"] as const)(
    "a moving %s stays one, with a still beside; headers stand still",
    async (format) => {
      const delay = [100, 200, 300, 100, 50];
      const moving = await animation(50, 30, 5).toFormat(format, { loop: 3, delay }).toBuffer();
      const avatar = await processAvatar(moving);
      const { pages, width, height, loop, delay: kept } = await sharp(avatar.original).metadata();
      expect({ pages, width, height, loop, kept }).toEqual({
        pages: 5,
        width: 400,
        height: 400,
        loop: 3,
        kept: delay,
      });
      const still = await sharp(avatar.still ?? undefined).metadata();
      expect({ ...still, pages: still.pages ?? 1 }).toMatchObject({ width: 400, height: 400, pages: 1 });
      expect((await sharp((await processHeader(moving)).original).metadata()).pages ?? 1).toBe(1);
    },
  );

  test("what stands still has no second file", async () => {
    expect((await processAvatar(await picture(50, 50).png().toBuffer())).still).toBeNull();
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
      /cut off, and too much of it is missing/,
    ],
    ["a JPEG's first bytes", async () => (await photo).subarray(0, 30), /damaged or incomplete/],
    ["a PNG without its end", () => makePng({ width: 500, height: 500, rows: 100 }), /damaged or incomplete/],
    [
      "an SVG behind a PNG's signature",
      () => Buffer.concat([makePng({ width: 1, height: 1 }).subarray(0, 8), Buffer.from(svg)]),
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
    const large = makePng({ width: 20_000, height: 10_000, rows: 1_000 });
    const beforeMb = process.resourceUsage().maxRSS / 1024;
    for (let i = 0; i < 10; i++) {
      await expect(processImage(large)).rejects.toThrow(/200 megapixels; 66 is the most/);
    }
    expect(process.resourceUsage().maxRSS / 1024 - beforeMb).toBeLessThan(20);
  });

  test("a refusal names two numbers that differ, however little is too much", async () => {
    const slightly = makePng({ width: 66_000_001, height: 1, rows: 0 });
    await expect(processImage(slightly)).rejects.toThrow(/has 66\.1 megapixels; 66 is the most/);
  });

  test("formats that sharp could read but we never take stay blocked", async () => {
    await expect(sharp(Buffer.from(svg)).metadata()).rejects.toThrow();
    const tiff = await picture(9, 9).tiff().toBuffer();
    await expect(sharp(tiff).metadata()).rejects.toThrow();
  });
});

describe("a crowd of uploads", () => {
  test("24 at one instant all have their turn", async () => {
    const photo = await picture(2400, 1600).jpeg().toBuffer();
    const all = await Promise.all(Array.from({ length: 24 }, () => processImage(photo)));
    expect(all.map(({ mime }) => mime)).toEqual(Array(24).fill("image/jpeg"));
  }, 60_000);

  test("is bounded by its bytes: beyond those it's asked to come back", async () => {
    const photo = await picture(60, 40).jpeg().toBuffer();
    // As phones append films to their photos; it is the same memory each time.
    const large = Buffer.concat([photo, Buffer.alloc(16 * 1024 * 1024 - photo.length)]);
    const settled = await Promise.allSettled(Array.from({ length: 30 }, () => processImage(large)));
    const refused = settled.filter((one) => one.status === "rejected");
    expect(refused).toHaveLength(6);
    for (const { reason } of refused) expect(reason).toBeInstanceOf(Unavailable);
    await expect(processImage(photo)).resolves.toMatchObject({ mime: "image/jpeg" });
  });
});
