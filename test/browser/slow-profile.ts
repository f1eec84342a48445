/** A mid-range phone on a weak network, as developer tools emulate it, and when the largest paint comes there. */
import type { CDPSession, Page } from "playwright-core";

const CPU_SLOW_DOWN = 4;
const BYTES_PER_SECOND = 1_600_000 / 8;
const ROUND_TRIP_MS = 150;
/** After this time without a larger paint, the largest was the last. */
const QUIET_MS = 1_200;

export interface FirstVisit {
  readonly largestPaintMs: number;
  /** What came over the network, as it was sent: the path, and the bytes with headers. */
  readonly requests: readonly { readonly path: string; readonly bytes: number }[];
}

interface Paint {
  readonly startTime: number;
}

/** What runs inside the page; the server's code is checked without the browser's types. */
declare const PerformanceObserver: new (
  report: (list: { getEntries(): Paint[] }) => void,
) => { observe(options: { type: string; buffered: boolean }): void };
declare const performance: { now(): number };
declare const window: { largestPaintMs?: number };

/** One visit with nothing cached. `isShown` resolves when all that counts is on screen. */
export async function visitSlowly(
  page: Page,
  address: string,
  isShown: (page: Page) => Promise<void>,
): Promise<FirstVisit> {
  const requests = await slowDown(await page.context().newCDPSession(page));
  await page.addInitScript(() => {
    new PerformanceObserver((list) => {
      window.largestPaintMs = list.getEntries().at(-1)?.startTime ?? Number.NaN;
    }).observe({ type: "largest-contentful-paint", buffered: true });
  });
  await page.goto(address, { waitUntil: "commit" });
  await isShown(page);
  const largestPaintMs = await page.evaluate(async (quietMs) => {
    while (performance.now() - (window.largestPaintMs ?? performance.now()) < quietMs) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return window.largestPaintMs ?? Number.NaN;
  }, QUIET_MS);
  return { largestPaintMs, requests: [...requests] };
}

async function slowDown(cdp: CDPSession): Promise<readonly { path: string; bytes: number }[]> {
  const paths = new Map<string, string>();
  const finished: { path: string; bytes: number }[] = [];
  cdp.on("Network.requestWillBeSent", ({ requestId, request }) =>
    paths.set(requestId, new URL(request.url).pathname),
  );
  cdp.on("Network.loadingFinished", ({ requestId, encodedDataLength }) =>
    finished.push({ path: paths.get(requestId) ?? "", bytes: encodedDataLength }),
  );
  await cdp.send("Network.enable");
  await cdp.send("Network.setCacheDisabled", { cacheDisabled: true });
  await cdp.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: ROUND_TRIP_MS,
    downloadThroughput: BYTES_PER_SECOND,
    uploadThroughput: BYTES_PER_SECOND,
  });
  await cdp.send("Emulation.setCPUThrottlingRate", { rate: CPU_SLOW_DOWN });
  return finished;
}
