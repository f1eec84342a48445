/**
 * Favourite, boost and bookmark: shown at once, sent once, taken back if the server refuses. Without a connection they
 * wait, and are sent when it is back.
 */
import { post, reachable } from "../api/client.ts";
import { ApiError, Unreachable } from "../api/errors.ts";
import type { Status } from "../api/types.ts";
import { putStatus, statuses } from "../feed/entities.ts";
import { FLAG, isPending, type Mark, marked, pendingMarks, setPending } from "../feed/pending-marks.ts";
import { toastProblem } from "../ui/toasts.ts";

/** What each status is meant to become. While one request runs, further taps only change this. */
const wanted = new Map<string, boolean>();

export function isMarked(status: Status, mark: Mark): boolean {
  return status[FLAG[mark]] ?? false;
}

export async function toggleMark(id: string, mark: Mark): Promise<void> {
  const status = statuses.get(id);
  if (!status) return;
  const isOn = isMarked(status, mark);
  show(id, mark, !isOn);
  // What waits was never sent, unless it is on its way just now: taking it back leaves nothing to do.
  if (isPending(id, mark) && !wanted.has(`${mark}:${id}`)) setPending(id, mark, null);
  else await become(id, mark, { isOn, goal: !isOn });
}

/** Again what waited, one after the other; those that still find no connection go on waiting. */
export async function sendPendingMarks(): Promise<void> {
  for (const { id, mark, goal } of pendingMarks()) {
    if (!isPending(id, mark)) continue;
    await become(id, mark, { isOn: !goal, goal });
    if (isPending(id, mark)) return;
  }
}

async function become(id: string, mark: Mark, from: { isOn: boolean; goal: boolean }): Promise<void> {
  const key = `${mark}:${id}`;
  const isRunning = wanted.has(key);
  wanted.set(key, from.goal);
  if (isRunning) return;
  let onServer = from.isOn;
  try {
    for (let goal = wanted.get(key); goal !== undefined && goal !== onServer; goal = wanted.get(key)) {
      const answer = await post<Status>(`/api/v1/statuses/${id}/${goal ? mark : `un${mark}`}`);
      onServer = goal;
      if (isPending(id, mark)) setPending(id, mark, null);
      // A boost is answered by the boost itself; what counts is the status inside.
      if (wanted.get(key) === onServer) putStatus(answer.reblog?.id === id ? answer.reblog : answer);
    }
  } catch (error) {
    const goal = wanted.get(key) ?? onServer;
    // An ended session, too, is waited for: what was meant is sent after signing in again.
    if (error instanceof Unreachable || (error instanceof ApiError && error.status === 401)) {
      setPending(id, mark, goal === onServer ? null : goal);
      return;
    }
    setPending(id, mark, null);
    show(id, mark, onServer);
    toastProblem(error);
  } finally {
    wanted.delete(key);
  }
}

/** Whenever there is a connection again. */
export function keepSendingMarks(): () => void {
  let isSending = false;
  const send = () => {
    if (isSending || pendingMarks().length === 0) return;
    isSending = true;
    void sendPendingMarks().finally(() => {
      isSending = false;
    });
  };
  const onChange = () => {
    if (reachable.isReachable) send();
  };
  send();
  reachable.listeners.add(onChange);
  addEventListener("online", send);
  return () => {
    reachable.listeners.delete(onChange);
    removeEventListener("online", send);
  };
}

function show(id: string, mark: Mark, isOn: boolean): void {
  const status = statuses.get(id);
  if (status) statuses.put(marked(status, mark, isOn));
}
