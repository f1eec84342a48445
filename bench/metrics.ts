/** What a process of Roost counts by itself. */
import { sleep } from "../src/core/clock.ts";

const POLL_MS = 20;
const STUCK_MS_MAX = 60_000;

/** Deliveries to followers until now; of one lane, or of all. */
export async function deliveredBy(url: string, lane = "\\w+"): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const line = new RegExp(`^roost_fanout_deliveries_total\\{lane="${lane}"\\} (\\d+)`, "gm");
  return [...metrics.matchAll(line)].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Whether they were done before it was told to end. Throws when none comes for a while. */
export async function untilDelivered(
  url: string,
  wanted: number,
  { lane, ending }: { lane?: string; ending?: AbortSignal } = {},
): Promise<boolean> {
  let last = 0;
  let lastMs = performance.now();
  while (!ending?.aborted) {
    const delivered = await deliveredBy(url, lane);
    if (delivered >= wanted) return true;
    if (delivered > last) lastMs = performance.now();
    last = delivered;
    if (performance.now() - lastMs > STUCK_MS_MAX)
      throw new Error(`${delivered} of ${wanted} deliveries were done, and no more came`);
    await sleep(POLL_MS);
  }
  return false;
}
