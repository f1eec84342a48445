import { ENDINGS, type Sink } from "./live-connection.ts";

/** Connections that end with the server: it would wait for them, and they for it. */
export class OpenStreams {
  readonly #sinks = new Set<Sink>();
  #stopping = false;

  /** Returns what to call when the connection has ended. */
  add(sink: Sink): () => void {
    this.#sinks.add(sink);
    // Its request was let in before the server was told to stop.
    if (this.#stopping) sink.close(ENDINGS.stopping);
    return () => this.#sinks.delete(sink);
  }

  stop(): void {
    this.#stopping = true;
    for (const sink of this.#sinks) sink.close(ENDINGS.stopping);
  }
}
