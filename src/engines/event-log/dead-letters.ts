/** Dead letters as text, the same in every log. */
import type { DeadLetter } from "./port.ts";

/** The topic they lie in. */
export const DEAD_LETTERS_TOPIC = "dlq";

const ERROR_CHARACTERS_MAX = 2_000;

export function encodeDeadLetter(letter: Omit<DeadLetter, "id">): string {
  const { key, failedAt, error } = letter;
  return JSON.stringify({
    ...letter,
    key: `${key}`,
    error: error.slice(0, ERROR_CHARACTERS_MAX),
    failedAt: failedAt.toISOString(),
  });
}

export function decodeDeadLetter(id: string, json: unknown): DeadLetter {
  const letter = json as Omit<DeadLetter, "id" | "key" | "failedAt"> & { key: string; failedAt: string };
  return { ...letter, id, key: BigInt(letter.key), failedAt: new Date(letter.failedAt) };
}
