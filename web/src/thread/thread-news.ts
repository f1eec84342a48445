/** Replies that arrive while their thread is open. */
import type { Status } from "../api/types.ts";

type Listener = (reply: Status) => void;
const listeners = new Set<Listener>();

export function noteReply(status: Status): void {
  if (status.in_reply_to_id) for (const listener of listeners) listener(status);
}

export function onReply(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
