/** What may happen in a world, step by step. */

export const ACCOUNTS = 4;

/** One step; `pick` and `option` are reduced to what exists when the step is taken. */
export interface Step {
  readonly kind: (typeof KINDS)[number];
  readonly actor: number;
  readonly target: number;
  readonly pick: number;
  readonly option: number;
}

export const KINDS = [
  "post",
  "post",
  "reply",
  "boost",
  "boost",
  "boost",
  "post",
  "unboost",
  "edit",
  "delete",
  "follow",
  "follow",
  "unfollow",
  "block",
  "unblock",
  "mute",
  "unmute",
  "exclude",
  "include",
  "lock",
  "authorize",
  "mode",
  "mode",
  "lose caches",
  "wait",
  "many posts",
  "boost in hiding",
  "boost in hiding",
  "mute for a while",
  "name the unwanted",
  "name the unwanted",
] as const;

export function describe(step: Step): string {
  return `${step.kind} by ${step.actor} (target ${step.target}, pick ${step.pick}, option ${step.option})`;
}
