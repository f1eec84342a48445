/** The neighbours' part of the replay: a post, with its pictures, and a little later what the others say to it. */
import type { AccountId, StatusId } from "../core/ids.ts";
import type { Actors } from "./actors.ts";
import { answerText, keptForReplay } from "./neighbourhood.ts";
import type { NeighbourPost, Neighbours } from "./neighbours.ts";

export interface Said {
  readonly id: StatusId;
  readonly isRoot: boolean;
  readonly text: string;
}

interface Talk {
  readonly post: NeighbourPost;
  readonly rootId: StatusId;
  lastId: StatusId;
  answered: number;
}

export class NeighbourTalks {
  readonly #actors: Actors;
  readonly #accounts: ReadonlyMap<string, AccountId>;
  readonly #posts: readonly NeighbourPost[];
  #next: number;
  #talk: Talk | null = null;

  /** `start` is where in the posts to begin: any number. */
  constructor(
    actors: Actors,
    neighbours: Neighbours,
    accounts: ReadonlyMap<string, AccountId>,
    start: number,
  ) {
    this.#actors = actors;
    this.#accounts = accounts;
    this.#posts = keptForReplay(neighbours);
    this.#next = start % this.#posts.length;
  }

  /** The next answer, or the next post. Null when who says it is gone. */
  async say(): Promise<Said | null> {
    const talk = this.#talk;
    const answer = talk?.post.answers[talk.answered];
    return talk && answer ? this.#answer(talk, answer) : this.#begin();
  }

  async #answer(talk: Talk, [by, text]: NeighbourPost["answers"][number]): Promise<Said | null> {
    talk.answered++;
    const author = this.#accounts.get(by);
    if (author === undefined) return null;
    const inReplyTo = text.startsWith("@") ? talk.lastId : talk.rootId;
    const words = answerText(talk.post.by, text);
    talk.lastId = await this.#actors.post(author, words, inReplyTo);
    return { id: talk.lastId, isRoot: false, text: words };
  }

  async #begin(): Promise<Said | null> {
    this.#talk = null;
    const post = this.#posts[this.#next];
    this.#next = (this.#next + 1) % this.#posts.length;
    const author = post && this.#accounts.get(post.by);
    if (post === undefined || author === undefined) return null;
    const rootId = await this.#actors.post(author, post.text, null, post.pictures);
    this.#talk = { post, rootId, lastId: rootId, answered: 0 };
    return { id: rootId, isRoot: true, text: post.text };
  }
}
