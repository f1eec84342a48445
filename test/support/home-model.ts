/**
 * What home timelines must be, kept as plain objects and computed anew each time: written from the contract, apart from
 * the code it is held against.
 */
export type Visibility = "public" | "unlisted" | "private" | "direct";

/** Accounts are known by their place: 0, 1, 2 … */
export type AccountPlace = number;

export interface ModelStatus {
  readonly id: bigint;
  readonly author: AccountPlace;
  readonly visibility: Visibility;
  mentions: ReadonlySet<AccountPlace>;
  /** Whom it replies to, or null. */
  readonly repliesTo: AccountPlace | null;
  /** What it boosts, or null. */
  readonly boostOf: bigint | null;
}

export interface ModelList {
  exclusive: boolean;
  readonly members: Set<AccountPlace>;
}

export interface ModelAccount {
  locked: boolean;
  suspended: boolean;
  /** Followed accounts → whether their boosts show. */
  readonly following: Map<AccountPlace, boolean>;
  /** Accounts that were asked → whether their boosts will show. */
  readonly requested: Map<AccountPlace, boolean>;
  readonly blocking: Set<AccountPlace>;
  readonly muting: Set<AccountPlace>;
  readonly lists: Map<string, ModelList>;
}

/** A boost is dropped when its original, or another boost of it, is among this many entries right below it. */
const WINDOW = 80;

export class Model {
  readonly accounts: ModelAccount[];
  readonly statuses = new Map<bigint, ModelStatus>();

  constructor(accounts: number) {
    this.accounts = Array.from({ length: accounts }, () => ({
      locked: false,
      suspended: false,
      following: new Map(),
      requested: new Map(),
      blocking: new Set(),
      muting: new Set(),
      lists: new Map(),
    }));
  }

  account(place: AccountPlace): ModelAccount {
    const account = this.accounts[place];
    if (!account) throw new Error(`the model has no account ${place}`);
    return account;
  }

  /** The whole home timeline, newest first. */
  home(viewer: AccountPlace): bigint[] {
    const visible = this.visible(viewer);
    return visible.filter((status, place) => !isRepeated(visible, status, place)).map((status) => status.id);
  }

  /** What the rules let through, before repeated boosts are dropped; newest first. */
  visible(viewer: AccountPlace): ModelStatus[] {
    return [...this.statuses.values()]
      .filter((status) => this.shows(viewer, status))
      .sort((a, b) => (a.id < b.id ? 1 : -1));
  }

  follow(viewer: AccountPlace, target: AccountPlace, showBoosts: boolean): void {
    const { following, requested } = this.account(viewer);
    if (following.has(target) || !this.account(target).locked) following.set(target, showBoosts);
    else requested.set(target, showBoosts);
  }

  unfollow(viewer: AccountPlace, target: AccountPlace): void {
    const { following, requested, lists } = this.account(viewer);
    requested.delete(target);
    if (!following.delete(target)) return;
    for (const list of lists.values()) list.members.delete(target);
  }

  answerRequest(target: AccountPlace, requester: AccountPlace, accepted: boolean): void {
    const { requested, following } = this.account(requester);
    const showBoosts = requested.get(target) ?? true;
    requested.delete(target);
    if (accepted) following.set(target, showBoosts);
  }

  setLocked(place: AccountPlace, locked: boolean): void {
    this.account(place).locked = locked;
    if (locked) return;
    this.accounts.forEach((account, requester) => {
      if (account.requested.has(place)) this.answerRequest(place, requester, true);
    });
  }

  block(viewer: AccountPlace, target: AccountPlace): void {
    this.account(viewer).blocking.add(target);
    this.unfollow(viewer, target);
    this.unfollow(target, viewer);
  }

  delete(id: bigint): void {
    this.statuses.delete(id);
    for (const status of this.statuses.values()) if (status.boostOf === id) this.statuses.delete(status.id);
  }

  blocked(a: AccountPlace, b: AccountPlace): boolean {
    return this.account(a).blocking.has(b) || this.account(b).blocking.has(a);
  }

  private shows(viewer: AccountPlace, status: ModelStatus): boolean {
    const { author, boostOf } = status;
    if (this.account(author).suspended) return false;
    if (boostOf !== null && !this.showsOriginal(viewer, boostOf)) return false;
    if (author === viewer) return true;
    if (this.isAboutUnwanted(viewer, boostOf === null ? status : this.statuses.get(boostOf))) return false;
    const { following, lists } = this.account(viewer);
    if (!following.has(author) || this.hides(viewer, author)) return false;
    for (const list of lists.values()) if (list.exclusive && list.members.has(author)) return false;
    if (status.visibility === "direct" && !status.mentions.has(viewer)) return false;
    if (boostOf !== null) return following.get(author) === true;
    const { repliesTo } = status;
    return repliesTo === null || repliesTo === viewer || following.has(repliesTo);
  }

  private showsOriginal(viewer: AccountPlace, id: bigint): boolean {
    const original = this.statuses.get(id);
    if (!original || this.account(original.author).suspended) return false;
    if (original.author === viewer) return true;
    if (original.visibility === "direct") return false;
    if (original.visibility === "private" && !this.account(viewer).following.has(original.author))
      return false;
    return !this.hides(viewer, original.author);
  }

  /** What somebody else wrote, naming an account that the viewer blocks or mutes. */
  private isAboutUnwanted(viewer: AccountPlace, said: ModelStatus | undefined): boolean {
    if (!said || said.author === viewer) return false;
    const { blocking, muting } = this.account(viewer);
    return [...said.mentions].some((named) => blocking.has(named) || muting.has(named));
  }

  private hides(viewer: AccountPlace, other: AccountPlace): boolean {
    return this.blocked(viewer, other) || this.account(viewer).muting.has(other);
  }
}

function isRepeated(visible: readonly ModelStatus[], status: ModelStatus, place: number): boolean {
  if (status.boostOf === null) return false;
  return visible
    .slice(place + 1, place + 1 + WINDOW)
    .some((older) => older.id === status.boostOf || older.boostOf === status.boostOf);
}

/** What a page must hold, cut from the whole timeline. */
export function pageOf(
  home: readonly bigint[],
  cursors: { max?: bigint; since?: bigint; min?: bigint; limit: number },
): bigint[] {
  const { max, since, min, limit } = cursors;
  const after = min ?? since;
  const between = home.filter((id) => (max === undefined || id < max) && (after === undefined || id > after));
  return min === undefined ? between.slice(0, limit) : between.slice(Math.max(0, between.length - limit));
}
