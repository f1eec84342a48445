/**
 * MISS → a stored timeline again.
 *
 * Two races could lose entries. A status that commits after the candidates were read, and is fanned out before the
 * build is stored, would find no timeline: so the build is opened first, and the store keeps what is appended
 * meanwhile. And a relation that changes in between would leave candidates of before: so the build carries the epoch
 * its relations were read under, and a reader takes no timeline of another epoch than its own.
 */
import { Unavailable } from "../core/errors.ts";
import type { AccountId } from "../core/ids.ts";
import { isDegraded } from "../core/read-only.ts";
import { SingleFlight } from "../core/single-flight.ts";
import type { Database } from "../engines/database/pools.ts";
import type { TimelineStore } from "../engines/timeline-store/port.ts";
import type { Relations } from "../relations/relations.ts";
import { candidatesBelow, homeScope } from "./candidates.ts";

/** How far a rebuild reaches at once: ten pages. Deeper reads go on below the floor, by SQL. */
const REBUILT_ENTRIES = 200;

export class Rebuilder {
  readonly #database: Database;
  readonly #store: TimelineStore;
  readonly #flights = new SingleFlight<AccountId, void>();
  #rebuilds = 0;

  constructor(database: Database, store: TimelineStore) {
    this.#database = database;
    this.#store = store;
  }

  /** Resolves when a build has been tried; whether it was stored, the next read of the store tells. */
  rebuild(relations: Relations): Promise<void> {
    return this.#flights.run(relations.viewerId, async () => {
      this.#rebuilds++;
      try {
        await this.#build(relations);
      } catch (error) {
        // The store went away meanwhile: the reader asks it once more, and then the database.
        if (!(error instanceof Unavailable)) throw error;
      }
    });
  }

  async #build(relations: Relations): Promise<void> {
    // A build lasts. A replica may lack a status that was delivered already, and wouldn't be again.
    if (isDegraded()) return;
    const ticket = await this.#store.beginBuild(relations.viewerId);
    const window = await candidatesBelow(this.#database, homeScope(relations), null, REBUILT_ENTRIES);
    if (isDegraded()) return;
    await this.#store.finishBuild(relations.viewerId, ticket, { ...window, epoch: relations.epoch });
  }

  get count(): number {
    return this.#rebuilds;
  }
}
