/** Colour spaces as PNG's cICP and AVIF's nclx name them: by the code points of ITU-T H.273. */

/** Chromaticities x, y of white, red, green and blue. */
export type Chromaticities = readonly [
  whiteX: number,
  whiteY: number,
  redX: number,
  redY: number,
  greenX: number,
  greenY: number,
  blueX: number,
  blueY: number,
];

export interface ColourSpace {
  readonly chromaticities: Chromaticities;
  /** From a signal of 0 to 1 to light of 0 to 1, where 1 is the white of a page. */
  readonly toLight: (signal: number) => number;
}

export interface CodePoints {
  readonly primaries: number;
  readonly transfer: number;
  /** Else black is at 16 of 255, white at 235. */
  readonly fullRange: boolean;
}

const D65 = [0.3127, 0.329] as const;
const C = [0.31, 0.316] as const;
export const SRGB_CHROMATICITIES: Chromaticities = [...D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06];

/** H.273, table 2. */
const CHROMATICITIES: Readonly<Record<number, Chromaticities>> = {
  1: SRGB_CHROMATICITIES,
  4: [...C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08],
  5: [...D65, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06],
  6: [...D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07],
  7: [...D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07],
  8: [...C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049],
  9: [...D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046],
  11: [0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06],
  12: [...D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06],
  22: [...D65, 0.63, 0.34, 0.295, 0.605, 0.155, 0.077],
};

/**
 * H.273, table 3. Video's own curves (1, 6, 7, 14, 15) describe cameras; a picture marked so was looked at on an sRGB
 * display, and browsers show it as sRGB.
 */
const TO_LIGHT: Readonly<Record<number, (signal: number) => number>> = {
  1: srgbToLight,
  4: (signal) => signal ** 2.2,
  5: (signal) => signal ** 2.8,
  6: srgbToLight,
  7: srgbToLight,
  8: (signal) => signal,
  13: srgbToLight,
  14: srgbToLight,
  15: srgbToLight,
  16: (signal) => toneMapped(perceptualToNits(signal)),
  18: (signal) => toneMapped(hybridLogGammaToNits(signal)),
};

/** Null for what isn't specified or isn't a space of this kind: such a file is taken as sRGB. */
export function colourSpaceOf({ primaries, transfer, fullRange }: CodePoints): ColourSpace | null {
  const chromaticities = CHROMATICITIES[primaries];
  const toLight = TO_LIGHT[transfer];
  if (!chromaticities || !toLight) return null;
  const widened = (signal: number) => Math.min(1, Math.max(0, (signal * 255 - 16) / 219));
  return { chromaticities, toLight: fullRange ? toLight : (signal) => toLight(widened(signal)) };
}

/** IEC 61966-2-1. */
export function srgbToLight(signal: number): number {
  return signal <= 0.04045 ? signal / 12.92 : ((signal + 0.055) / 1.055) ** 2.4;
}

/** The signal is sRGB's already: nothing to convert. */
export function isSrgb({ chromaticities, toLight }: ColourSpace): boolean {
  return (
    toLight === srgbToLight &&
    chromaticities.every((value, i) => Math.abs(value - (SRGB_CHROMATICITIES[i] ?? 0)) < 0.002)
  );
}

// High dynamic range. SDR's white is at 203 nits (ITU-R BT.2408); pictures are mastered for 1000 nits.
const WHITE_NITS = 203;
const PEAK_NITS = 1_000;

/** ITU-R BT.2100, PQ: constants of its EOTF. */
const M1 = 2610 / 16384;
const M2 = (2523 / 4096) * 128;
const C1 = 3424 / 4096;
const C2 = (2413 / 4096) * 32;
const C3 = (2392 / 4096) * 32;

function perceptualToNits(signal: number): number {
  const root = signal ** (1 / M2);
  return 10_000 * (Math.max(root - C1, 0) / (C2 - C3 * root)) ** (1 / M1);
}

function nitsToPerceptual(nits: number): number {
  const power = (nits / 10_000) ** M1;
  return ((C1 + C2 * power) / (1 + C3 * power)) ** M2;
}

/** ITU-R BT.2100, HLG on a display of 1000 nits, whose system gamma of 1.2 is applied to each component. */
function hybridLogGammaToNits(signal: number): number {
  const [a, b, c] = [0.17883277, 0.28466892, 0.55991073];
  const scene = signal <= 0.5 ? signal ** 2 / 3 : (Math.exp((signal - c) / a) + b) / 12;
  return PEAK_NITS * scene ** 1.2;
}

/**
 * The curve of ITU-R BT.2390, section 5.4.1: dark and middle tones stay as they are, highlights are bent below white.
 * It is applied to each component, as the report allows, so that it fits into the curve of a profile.
 */
function toneMapped(nits: number): number {
  const peak = nitsToPerceptual(PEAK_NITS);
  const signal = Math.min(1, nitsToPerceptual(nits) / peak);
  const most = nitsToPerceptual(WHITE_NITS) / peak;
  const knee = 1.5 * most - 0.5;
  if (signal < knee) return nits / WHITE_NITS;
  const t = (signal - knee) / (1 - knee);
  const bent =
    (2 * t ** 3 - 3 * t ** 2 + 1) * knee +
    (t ** 3 - 2 * t ** 2 + t) * (1 - knee) +
    (3 * t ** 2 - 2 * t ** 3) * most;
  return Math.min(1, perceptualToNits(bent * peak) / WHITE_NITS);
}
