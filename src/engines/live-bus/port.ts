/** Messages to whoever listens right now: open streams, and caches in other processes. Nothing is kept. */
export interface LiveBus extends AsyncDisposable {
  /** Reaches every listener of the channel, in every process, in order of publishing per channel. */
  publish(channel: string, message: unknown): Promise<void>;

  /** Listens until the returned function is called. A listener must not throw and must not wait. */
  subscribe(channel: string, listener: (message: unknown) => void): Promise<() => void>;

  /** Which of the channels somebody listens to, in any process. */
  listening(channels: readonly string[]): Promise<string[]>;
}
