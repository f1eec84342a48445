/** Favourite, boost and bookmark: shown at once, sent once, taken back if the server refuses. */
import { post } from "../api/client.ts";
import type { Status } from "../api/types.ts";
import { putStatus, statuses } from "../feed/entities.ts";
import { toastProblem } from "../ui/toasts.ts";

export type Mark = "favourite" | "reblog" | "bookmark";

const FLAG = { favourite: "favourited", reblog: "reblogged", bookmark: "bookmarked" } as const;
const COUNT = { favourite: "favourites_count", reblog: "reblogs_count", bookmark: null } as const;

/** What each status is meant to become. While one request runs, further taps only change this. */
const wanted = new Map<string, boolean>();

export function isMarked(status: Status, mark: Mark): boolean {
  return status[FLAG[mark]] ?? false;
}

export async function toggleMark(id: string, mark: Mark): Promise<void> {
  const status = statuses.get(id);
  if (!status) return;
  const key = `${mark}:${id}`;
  const isRunning = wanted.has(key);
  let onServer = isMarked(status, mark);
  wanted.set(key, !onServer);
  show(id, mark, !onServer);
  if (isRunning) return;
  try {
    for (let goal = wanted.get(key); goal !== undefined && goal !== onServer; goal = wanted.get(key)) {
      const answer = await post<Status>(`/api/v1/statuses/${id}/${goal ? mark : `un${mark}`}`);
      onServer = goal;
      // A boost is answered by the boost itself; what counts is the status inside.
      if (wanted.get(key) === onServer) putStatus(answer.reblog?.id === id ? answer.reblog : answer);
    }
  } catch (error) {
    show(id, mark, onServer);
    toastProblem(error);
  } finally {
    wanted.delete(key);
  }
}

function show(id: string, mark: Mark, isOn: boolean): void {
  const status = statuses.get(id);
  if (!status || isMarked(status, mark) === isOn) return;
  const count = COUNT[mark];
  statuses.patch(id, {
    [FLAG[mark]]: isOn,
    ...(count ? { [count]: Math.max(0, status[count] + (isOn ? 1 : -1)) } : {}),
  });
}
