/** What the boxes of an AVIF file (ISO/IEC 23008-12) tell of its colours, where no ICC profile does. */
import { type ColourSpace, colourSpaceOf, isSrgb } from "./colour-space.ts";

interface Box {
  readonly type: string;
  readonly body: Buffer;
}

/** The files begin with `ftyp`, then `meta`; more boxes than this are another kind of file, or a hostile one. */
const MAX_BOXES = 1_000;

/**
 * Animations are named by another brand, which libvips doesn't know. They have a still picture besides, the first
 * frame mostly: under the brand of stills, that is read.
 */
export function asStill(avif: Buffer): Buffer {
  if (avif.toString("latin1", 8, 12) !== "avis") return avif;
  const still = Buffer.from(avif);
  still.write("avif", 8, "latin1");
  return still;
}

/** Null if it's sRGB, or nothing is told. */
export function colourSpaceOfAvif(avif: Buffer): ColourSpace | null {
  const meta = boxesOf(avif).find(({ type }) => type === "meta");
  if (!meta) return null;
  const inMeta = boxesOf(meta.body.subarray(4));
  const inProperties = boxesOf(inMeta.find(({ type }) => type === "iprp")?.body);
  const properties = boxesOf(inProperties.find(({ type }) => type === "ipco")?.body);
  const owned = propertiesOf(
    primaryItem(inMeta.find(({ type }) => type === "pitm")?.body),
    inProperties.find(({ type }) => type === "ipma")?.body,
  );
  const told = owned
    .map((place) => properties[place - 1])
    .find((box) => box?.type === "colr" && box.body.toString("latin1", 0, 4) === "nclx")?.body;
  if (!told || told.length < 11) return null;
  // The range is that of luma and chroma: decoding to RGB has undone it.
  const space = colourSpaceOf({
    primaries: told.readUInt16BE(4),
    transfer: told.readUInt16BE(6),
    fullRange: true,
  });
  return space && !isSrgb(space) ? space : null;
}

function boxesOf(bytes: Buffer | undefined): Box[] {
  const boxes: Box[] = [];
  let start = 0;
  while (bytes && start + 8 <= bytes.length && boxes.length < MAX_BOXES) {
    const announced = bytes.readUInt32BE(start);
    // 1: the size follows the type, in 64 bits. 0: to the end.
    const isLong = announced === 1;
    if (isLong && start + 16 > bytes.length) break;
    const size = isLong
      ? Number(bytes.readBigUInt64BE(start + 8))
      : announced === 0
        ? bytes.length - start
        : announced;
    const headerBytes = isLong ? 16 : 8;
    if (size < headerBytes || start + size > bytes.length) break;
    boxes.push({
      type: bytes.toString("latin1", start + 4, start + 8),
      body: bytes.subarray(start + headerBytes, start + size),
    });
    start += size;
  }
  return boxes;
}

function primaryItem(pitm: Buffer | undefined): number | null {
  if (!pitm || pitm.length < 6) return null;
  return pitm[0] === 0 ? pitm.readUInt16BE(4) : pitm.length >= 8 ? pitm.readUInt32BE(4) : null;
}

/** The places, from 1, of an item's properties among all. */
function propertiesOf(item: number | null, ipma: Buffer | undefined): number[] {
  if (item === null || !ipma || ipma.length < 8) return [];
  const idBytes = ipma[0] === 0 ? 2 : 4;
  // The highest bit says whether a property is essential.
  const placeBytes = ((ipma[3] ?? 0) & 1) === 1 ? 2 : 1;
  const placeMask = placeBytes === 2 ? 0x7fff : 0x7f;
  let at = 8;
  while (at + idBytes < ipma.length) {
    const id = ipma.readUIntBE(at, idBytes);
    const count = ipma[at + idBytes] ?? 0;
    at += idBytes + 1;
    if (at + count * placeBytes > ipma.length) return [];
    if (id === item) {
      return Array.from(
        { length: count },
        (_, i) => ipma.readUIntBE(at + i * placeBytes, placeBytes) & placeMask,
      );
    }
    at += count * placeBytes;
  }
  return [];
}
