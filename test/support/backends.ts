/** Small servers behind a balancer, processes of their own, so that they can be killed and frozen. */
import { fileURLToPath } from "node:url";
import { accepts, freePort, launch, type ManagedProcess } from "../../src/cluster/process.ts";

const BACKEND = fileURLToPath(new URL("./backend.ts", import.meta.url));

export interface Backends extends AsyncDisposable {
  readonly ports: readonly number[];
  /** a, b, c … */
  readonly names: readonly string[];
  process(name: string): ManagedProcess;
  restart(name: string): Promise<void>;
}

export async function startBackends(count: number, folder: string): Promise<Backends> {
  const names = Array.from({ length: count }, (_, i) => String.fromCharCode(97 + i));
  const running = new Map<string, ManagedProcess>();
  const ports: number[] = [];
  for (const _ of names) ports.push(await freePort());
  const start = async (name: string): Promise<void> => {
    const port = ports[names.indexOf(name)] ?? 0;
    const isReady = () => accepts(port);
    const args = [BACKEND, `${port}`, name];
    const spec = { name, folder, command: process.execPath, args, isReady, readyMsMax: 20_000 };
    running.set(name, await launch(spec));
  };
  await Promise.all(names.map(start));
  return {
    ports,
    names,
    process: (name) => running.get(name) as ManagedProcess,
    restart: start,
    [Symbol.asyncDispose]: async () =>
      void (await Promise.all([...running.values()].map((one) => one.stop(0)))),
  };
}

/** Asks `count` times, so many at a time; how often each server answered, each other status, and "broken". */
export async function countAnswers(url: string, count: number, atATime = 8): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  let left = count;
  const ask = async (): Promise<void> => {
    while (left-- > 0) {
      const name = await whoAnswers(url).catch(() => "broken");
      counts[name] = (counts[name] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: atATime }, ask));
  return counts;
}

async function whoAnswers(url: string): Promise<string> {
  const answer = await fetch(url);
  await answer.arrayBuffer();
  return answer.ok ? (answer.headers.get("x-server") ?? "nobody") : `${answer.status}`;
}
