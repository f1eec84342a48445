/**
 * What a home timeline is, written down a third time: from the contract, in plain objects, knowing nothing of the code
 * that is held against it.
 */

export type Visibility = "public" | "unlisted" | "private" | "direct";

export interface ModelStatus {
  id: bigint;
  author: number;
  visibility: Visibility;
  /** Who is mentioned. */
  mentions: Set<number>;
  /** Whom it answers; kept when the answered status goes. */
  repliedTo: number | null;
  /** The status it boosts. */
  boosts: ModelStatus | null;
}

export interface ModelAccount {
  locked: boolean;
  /** Followed account → whether its boosts show. */
  following: Map<number, boolean>;
  /** Asked to follow, and with which switch. */
  requests: Map<number, boolean>;
  blocking: Set<number>;
  muting: Set<number>;
  /** Members of an exclusive list. */
  exclusive: Set<number>;
}

const WINDOW = 80;

export class Model {
  readonly accounts: ModelAccount[];
  statuses: ModelStatus[] = [];

  constructor(accounts: number) {
    this.accounts = Array.from({ length: accounts }, () => ({
      locked: false,
      following: new Map(),
      requests: new Map(),
      blocking: new Set(),
      muting: new Set(),
      exclusive: new Set(),
    }));
  }

  account(index: number): ModelAccount {
    const found = this.accounts[index];
    if (!found) throw new Error(`the model has no account ${index}`);
    return found;
  }

  isBlocked(a: number, b: number): boolean {
    return this.account(a).blocking.has(b) || this.account(b).blocking.has(a);
  }

  /** Whether looking the status up works. */
  canSee(viewer: number, status: ModelStatus): boolean {
    if (status.author === viewer) return true;
    const isMentioned = status.mentions.has(viewer);
    if (status.visibility === "direct") return isMentioned;
    if (status.visibility === "private")
      return isMentioned || this.account(viewer).following.has(status.author);
    return !this.account(status.author).blocking.has(viewer);
  }

  canBoost(viewer: number, status: ModelStatus): boolean {
    if (!this.canSee(viewer, status) || this.account(viewer).blocking.has(status.author)) return false;
    if (status.visibility === "direct") return false;
    return status.visibility !== "private" || status.author === viewer;
  }

  follow(viewer: number, target: number, showReblogs: boolean): void {
    this.account(viewer).requests.delete(target);
    this.account(viewer).following.set(target, showReblogs);
  }

  unfollow(viewer: number, target: number): void {
    this.account(viewer).following.delete(target);
    this.account(viewer).requests.delete(target);
    this.account(viewer).exclusive.delete(target);
  }

  block(viewer: number, target: number): void {
    this.account(viewer).blocking.add(target);
    this.unfollow(viewer, target);
    this.unfollow(target, viewer);
  }

  remove(status: ModelStatus): void {
    this.statuses = this.statuses.filter((other) => other !== status && other.boosts !== status);
  }

  /** The ids of the viewer's home timeline, newest first. */
  home(viewer: number): bigint[] {
    const visible = this.statuses
      .filter((status) => this.#shows(viewer, status))
      .sort((a, b) => (a.id < b.id ? 1 : -1));
    const entries: bigint[] = [];
    visible.forEach((status, i) => {
      const { boosts } = status;
      const below = visible.slice(i + 1, i + 1 + WINDOW);
      const isRepeated =
        boosts !== null && below.some((other) => other === boosts || other.boosts === boosts);
      if (!isRepeated) entries.push(status.id);
    });
    return entries;
  }

  #shows(viewer: number, status: ModelStatus): boolean {
    const own = this.account(viewer);
    const { author, boosts } = status;
    const hides = (account: number) =>
      account !== viewer && (this.isBlocked(viewer, account) || own.muting.has(account));
    if (boosts && (hides(boosts.author) || boosts.visibility === "direct")) return false;
    if (
      boosts &&
      boosts.visibility === "private" &&
      boosts.author !== viewer &&
      !own.following.has(boosts.author)
    )
      return false;
    if (author === viewer) return true;
    // Neither does what others say about whom one blocks or mutes; one's own words are one's own, boosted too.
    const said = boosts ?? status;
    const isUnwanted = (account: number) => own.blocking.has(account) || own.muting.has(account);
    if (said.author !== viewer && [...said.mentions].some(isUnwanted)) return false;
    const showReblogs = own.following.get(author);
    if (showReblogs === undefined || hides(author) || own.exclusive.has(author)) return false;
    if (status.visibility === "direct" && !status.mentions.has(viewer)) return false;
    if (boosts) return showReblogs;
    const { repliedTo } = status;
    return repliedTo === null || repliedTo === viewer || own.following.has(repliedTo);
  }
}
