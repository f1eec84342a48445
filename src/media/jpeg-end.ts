/**
 * JPEGs that end before their end. Some cameras leave the last marker out, uploads lose the last bytes; browsers show
 * what there is. libvips reads them once the marker is there. How much is missing, it doesn't tell: that is found here.
 */

const END = Buffer.from([0xff, 0xd9]);
const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;
const STUFFED = 0x00;

export interface JpegEnd {
  /** With its last marker. */
  readonly ended: Buffer;
  /** All coefficients were begun before the last scan, which is the one that is cut: only finer detail is missing. */
  readonly isSketched: boolean;
  /** Its rows come one after the other, each complete. */
  readonly isRowByRow: boolean;
}

/** Null for a JPEG that has its end, and for what can't be followed: the decoder has the word. */
export function missingEnd(jpeg: Buffer): JpegEnd | null {
  const sketched = new Map<number, Set<number>>();
  let components = 0;
  let scan: Buffer | null = null;
  let scans = 0;
  let at = 2;
  for (;;) {
    // Inside a scan, the next marker that isn't a stuffed byte, a restart or padding.
    at = jpeg.indexOf(0xff, at);
    if (at === -1 || at + 1 >= jpeg.length) break;
    const marker = jpeg[at + 1] as number;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker === STUFFED || (marker >= 0xd0 && marker <= 0xd7) || marker === 0x01) {
      at += 2;
      continue;
    }
    if (marker === END_OF_IMAGE) return null;
    if (at + 4 > jpeg.length) break;
    const end = at + 2 + jpeg.readUInt16BE(at + 2);
    const body = jpeg.subarray(at + 4, end);
    if (end > jpeg.length) break;
    if (isFrame(marker)) components = body[5] ?? 0;
    if (marker === START_OF_SCAN) {
      if (scan) addScan(sketched, scan);
      scan = body;
      scans += 1;
    }
    at = end;
  }
  if (!scan || components === 0) return null;
  return {
    ended: Buffer.concat([jpeg, END]),
    isSketched: sketched.size === components && [...sketched.values()].every(({ size }) => size === 64),
    isRowByRow: scans === 1 && (scan[0] ?? 0) === components,
  };
}

/** SOF0 to SOF15, of which three numbers mean tables. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** Which of the 64 coefficients of which components have been sent, be it roughly. */
function addScan(sketched: Map<number, Set<number>>, scan: Buffer): void {
  const count = scan[0] ?? 0;
  const first = scan[1 + count * 2] ?? 0;
  const last = Math.min(63, scan[2 + count * 2] ?? 0);
  for (let i = 0; i < count; i++) {
    const component = scan[1 + i * 2] ?? 0;
    const sent = sketched.get(component) ?? new Set();
    for (let coefficient = first; coefficient <= last; coefficient++) sent.add(coefficient);
    sketched.set(component, sent);
  }
}
