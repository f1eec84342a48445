/** Chance is an argument: nothing outside `core/` rolls dice by itself. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** A whole number in [0, below). */
  below(below: number): number;
  chance(probability: number): boolean;
  /** One of them; throws when there is none. */
  pick<T>(from: readonly T[]): T;
  /** In place, and returned. */
  shuffle<T>(list: T[]): T[];
}

/**
 * The same numbers for the same seed, everywhere: the mulberry32 generator (Tommy Ettinger, public domain), 32 bits of
 * state. For data and tests; never for secrets.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick(from) {
      if (from.length === 0) throw new Error("nothing to pick from");
      return from[below(from.length)] as (typeof from)[number];
    },
    shuffle(list) {
      for (let i = list.length - 1; i > 0; i--) {
        const j = below(i + 1);
        const moved = list[i] as (typeof list)[number];
        list[i] = list[j] as (typeof list)[number];
        list[j] = moved;
      }
      return list;
    },
  };
}

/** 32 well-mixed bits of a whole number: for choices that must not depend on the order they are made in. */
export function mix32(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
