/** For what no one waits for: runs once the page has painted and has nothing else to do. */
const AT_MOST_MS = 2_000;

export function whenIdle(run: () => void): () => void {
  if (!("requestIdleCallback" in window)) {
    const timer = setTimeout(run, AT_MOST_MS / 4);
    return () => clearTimeout(timer);
  }
  const idle = requestIdleCallback(run, { timeout: AT_MOST_MS });
  return () => cancelIdleCallback(idle);
}
