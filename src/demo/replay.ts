/**
 * Goes on where the load stopped: posts what was kept back through the same functions that the API calls, so that
 * timelines move, streams deliver and notifications arrive. Endless; where it is in the corpus is kept in the database,
 * so it goes on there after a restart (conversations that were under way then are dropped).
 */
import { sleep } from "../core/clock.ts";
import { AppError, invariant, Unavailable } from "../core/errors.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import { type Random, seededRandom } from "../core/random.ts";
import {
  type Actors,
  actorsOf,
  type Cast,
  findCast,
  findPost,
  type ReplayedRoost,
  readReplayState,
  writeReplayPosition,
} from "./actors.ts";
import { type Corpus, readCorpus } from "./corpus.ts";
import { NeighbourTalks } from "./neighbour-talks.ts";
import { type Neighbours, readNeighbours } from "./neighbours.ts";
import { type Part, playlistOf } from "./playlist.ts";
import { Reactions } from "./reactions.ts";
import { type Schedule, scheduleOf } from "./schedule.ts";

export interface ReplayOptions {
  readonly signal: AbortSignal;
  /** Posts per minute; about four in five show in the demo user's home timeline. */
  readonly ratePerMinute?: number;
}

/** A conversation being played. */
interface Talk {
  readonly part: Part;
  next: number;
  /** Statuses by place in the conversation, as far as known. */
  readonly ids: Map<number, StatusId>;
}

const RATE_PER_MINUTE = 12;
const RATE_PER_MINUTE_MAX = 6_000;
const TALKS_AT_ONCE = 7;
/** How much of what is said the neighbours say. */
const NEIGHBOURS_SHARE = 0.35;
const RETRY_MS_MAX = 60_000;

/** Resolves when the signal aborts. Throws when the demo isn't loaded. */
export async function startReplay(roost: ReplayedRoost, options: ReplayOptions): Promise<void> {
  const state = await readReplayState(roost.database);
  invariant(state, "the replay needs the demo to be loaded");
  const [corpus, neighbours] = await Promise.all([readCorpus(), readNeighbours()]);
  const schedule = scheduleOf(corpus, state.loadedAtMs);
  const replay = await Replay.open(roost, { corpus, neighbours, schedule, start: state.position });
  replay.goTo(state.round, state.position);
  const pauseMs =
    60_000 / Math.min(RATE_PER_MINUTE_MAX, Math.max(1, options.ratePerMinute ?? RATE_PER_MINUTE));
  let failures = 0;
  while (!options.signal.aborted) {
    try {
      await replay.step(roost.api.statuses.clock.nowMs());
      failures = 0;
    } catch (error) {
      if (options.signal.aborted) return;
      failures++;
      roost.log.warn({ err: error, failures }, "the demo's replay failed and will go on");
    }
    const paceMs = pauseMs * (0.5 + replay.random.next());
    await sleep(failures > 0 ? Math.min(RETRY_MS_MAX, 1_000 * 2 ** failures) : paceMs, options.signal);
  }
}

/** What a replay plays. */
interface Played {
  readonly corpus: Corpus;
  readonly schedule: Schedule;
  readonly neighbours: Neighbours;
  /** Where the neighbours begin. */
  readonly start: number;
}

class Replay {
  readonly random: Random;
  readonly #database: ReplayedRoost["database"];
  readonly #actors: Actors;
  readonly #corpus: Corpus;
  readonly #schedule: Schedule;
  readonly #cast: readonly (AccountId | null)[];
  readonly #neighbours: NeighbourTalks;
  readonly #reactions: Reactions;
  readonly #talks: Talk[] = [];
  #playlist: Part[] = [];
  #round = 0;
  #position = 0;

  static async open(roost: ReplayedRoost, played: Played): Promise<Replay> {
    const cast = await findCast(roost.database, played.corpus, played.neighbours);
    return new Replay(roost, played, cast);
  }

  private constructor(roost: ReplayedRoost, told: Played, { cast, neighbours, demo }: Cast) {
    const { corpus } = told;
    invariant(demo !== null, "the replay needs the demo user");
    this.random = seededRandom(told.corpus.conversations.length);
    this.#database = roost.database;
    this.#actors = actorsOf(roost);
    this.#corpus = corpus;
    this.#schedule = told.schedule;
    this.#cast = cast;
    this.#neighbours = new NeighbourTalks(this.#actors, told.neighbours, neighbours, told.start);
    const followed = corpus.demo.follows.map((place) => cast[place] ?? null).filter((id) => id !== null);
    this.#reactions = new Reactions({
      database: roost.database,
      actors: this.#actors,
      random: this.random,
      demo,
      circle: [...followed, ...neighbours.values()],
      everyone: cast.filter((id) => id !== null),
    });
  }

  goTo(round: number, position: number): void {
    this.#round = round;
    this.#position = position;
    this.#playlist = playlistOf(this.#corpus, this.#schedule, round);
  }

  /** One post, and what people make of it. */
  async step(nowMs: number): Promise<void> {
    if (this.random.chance(NEIGHBOURS_SHARE)) {
      const said = await skipRefused(this.#neighbours.say());
      if (said) this.#reactions.posted(said.id, said.isRoot, said.text);
      return void (await skipRefused(this.#reactions.react(nowMs)));
    }
    while (this.#talks.length < TALKS_AT_ONCE) await this.#begin();
    const talk = this.random.pick(this.#talks);
    const isOver = await this.#say(talk);
    if (isOver) this.#talks.splice(this.#talks.indexOf(talk), 1);
    await skipRefused(this.#reactions.react(nowMs));
  }

  async #begin(): Promise<void> {
    if (this.#position >= this.#playlist.length) this.goTo(this.#round + 1, 0);
    const part = this.#playlist[this.#position];
    invariant(part, "a round of the replay is empty");
    this.#position++;
    await writeReplayPosition(this.#database, this.#round, this.#position);
    this.#talks.push({ part, next: part.from, ids: new Map() });
  }

  /** True when that was the last post, or the talk can't go on. */
  async #say(talk: Talk): Promise<boolean> {
    const { conversation } = talk.part;
    const post = conversation[talk.next];
    if (!post) return true;
    const [place, answers, , text] = post;
    const author = this.#cast[place] ?? null;
    const inReplyTo = answers > 0 ? await this.#idOf(talk, talk.next - answers) : null;
    // What it answers, or who says it, is gone: somebody has deleted it.
    if (author === null || (answers > 0 && inReplyTo === null)) return true;
    const id = await skipRefused(this.#actors.post(author, text, inReplyTo));
    if (id === null) return true;
    talk.ids.set(talk.next, id);
    talk.next++;
    this.#reactions.posted(id, inReplyTo === null, text);
    return talk.next >= conversation.length;
  }

  async #idOf({ part, ids }: Talk, index: number): Promise<StatusId | null> {
    const known = ids.get(index);
    if (known !== undefined) return known;
    const [place, , , text] = part.conversation[index] ?? [];
    const author = place === undefined ? null : (this.#cast[place] ?? null);
    if (author === null || text === undefined) return null;
    const found = await findPost(this.#database, author, text);
    if (found !== null) ids.set(index, found);
    return found;
  }
}

/** Null when the domain refuses: people block, mute and delete in a demo too. What is no refusal is thrown. */
async function skipRefused<Result>(doing: Promise<Result>): Promise<Result | null> {
  try {
    return await doing;
  } catch (error) {
    if (error instanceof AppError && !(error instanceof Unavailable)) return null;
    throw error;
  }
}
