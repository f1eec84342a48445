/** Waits for a state, not for an event; throws when it doesn't come. */
export async function waitFor(
  condition: () => boolean | Promise<boolean>,
  forMs: number,
  what: string,
): Promise<void> {
  const untilMs = performance.now() + forMs;
  while (!(await condition())) {
    if (performance.now() > untilMs) throw new Error(`waited ${forMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
