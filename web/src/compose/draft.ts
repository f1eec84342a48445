/** What is being written, kept in this browser from the first word: closing the sheet or the tab loses nothing. */
import type { Status, Visibility } from "../api/types.ts";

export interface Draft {
  readonly text: string;
  readonly warning: string;
  readonly hasWarning: boolean;
  readonly visibility: Visibility;
  readonly language: string;
  readonly isSensitive: boolean;
  /** The same for every try to send this, so that it is posted once. */
  readonly sendKey: string;
}

const key = (target: string) => `roost.draft.${target}`;

export function keptDraft(target: string): Draft | null {
  try {
    return JSON.parse(localStorage.getItem(key(target)) ?? "null") as Draft | null;
  } catch {
    return null;
  }
}

export function keepDraft(target: string, draft: Draft): void {
  try {
    if (draft.text.trim() === "" && draft.warning.trim() === "") localStorage.removeItem(key(target));
    else localStorage.setItem(key(target), JSON.stringify(draft));
  } catch {
    // A full storage is no reason to stop someone from writing.
  }
}

export function dropDraft(target: string): void {
  localStorage.removeItem(key(target));
}

export function newSendKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

const RANK: readonly Visibility[] = ["public", "unlisted", "private", "direct"];

/** A reply is never shown to more people than what it answers. */
export function narrower(a: Visibility, b: Visibility): Visibility {
  return RANK.indexOf(a) > RANK.indexOf(b) ? a : b;
}

/** Everyone in the conversation but oneself. */
export function mentionsFor(replyTo: Status, ownId: string | null): string {
  const people = new Map([[replyTo.account.id, replyTo.account.acct]]);
  for (const mention of replyTo.mentions) people.set(mention.id, mention.acct);
  if (ownId) people.delete(ownId);
  return [...people.values()].map((acct) => `@${acct} `).join("");
}
