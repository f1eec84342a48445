#!/usr/bin/env bash
# sharp 0.35.5: a 16-bit PNG with an ICC profile comes out with the numbers of Display P3 and without a label that says so.
#
# The same colour as 8 bits is converted to sRGB, as the documentation says of every image. With 16 bits per channel sharp
# works in Display P3, and what it writes has no profile: programs read the numbers as sRGB, and colours are paler. A file
# that is labelled sRGB comes out changed, too; one that is labelled Display P3 comes out as if it had been sRGB.
# Asking for sRGB, withIccProfile("srgb", { attach: false }), gives the right numbers.
#
# Seen:
#   labelled srgb, 230,30,30: 8 bits 230,30,30; 16 bits 212,55,44 (no profile); asked for sRGB 231,29,30
#   labelled p3, 230,30,30: 8 bits 251,0,0; 16 bits 230,30,30 (no profile); asked for sRGB 251,0,0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent sharp@0.35.5 pngjs@7.0.0
cat >look.mjs <<'JS'
import { deflateSync } from "node:zlib";
import png from "pngjs";
import sharp from "sharp";

const COLOUR = [230, 30, 30];
const SIDE = 8;

/** A PNG of one colour with these bits, labelled with the profile: pngjs writes it, an iCCP chunk is put behind its header. */
function labelled(bitDepth, icc) {
  const values = Array.from({ length: SIDE * SIDE }, () => COLOUR).flat();
  const data = bitDepth === 16 ? Buffer.from(Uint16Array.from(values, (value) => value * 257).buffer) : Buffer.from(values);
  const options = { width: SIDE, height: SIDE, bitDepth, colorType: 2, inputColorType: 2, inputHasAlpha: false };
  const bytes = png.PNG.sync.write({ width: SIDE, height: SIDE, data }, options);
  const chunk = Buffer.concat([Buffer.from("iCCPicc\0\0", "latin1"), deflateSync(icc)]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(chunk.length - 4);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc(chunk));
  const afterHeader = 8 + 25;
  return Buffer.concat([bytes.subarray(0, afterHeader), length, chunk, sum, bytes.subarray(afterHeader)]);
}

function crc(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}

async function profile(name) {
  const red = sharp({ create: { width: 1, height: 1, channels: 3, background: "red" } });
  return (await sharp(await red.withIccProfile(name).png().toBuffer()).metadata()).icc;
}

const pixel = async (image) => [...(await image.raw().toBuffer()).subarray(0, 3)].join(",");
for (const name of ["srgb", "p3"]) {
  const icc = await profile(name);
  const [eight, sixteen] = [labelled(8, icc), labelled(16, icc)];
  const out = await sharp(await sharp(sixteen).png().toBuffer()).metadata();
  const asked = await pixel(sharp(sixteen).withIccProfile("srgb", { attach: false }));
  console.log(
    `labelled ${name}, ${COLOUR}: 8 bits ${await pixel(sharp(eight))}; 16 bits ${await pixel(sharp(sixteen))} (${out.icc ? "profile" : "no profile"}); asked for sRGB ${asked}`,
  );
}
JS
seen=$(node look.mjs)
echo "$seen"
grep -q '^labelled srgb, 230,30,30: 8 bits 230,30,30; 16 bits 212,55,44 (no profile)' <<<"$seen"
grep -q '^labelled p3, 230,30,30: 8 bits 251,0,0; 16 bits 230,30,30 (no profile)' <<<"$seen"
