/**
 * PostgreSQL that nobody has to watch: Patroni elects a primary among three, keeps its lock in etcd, and promotes a
 * replica when the primary is lost. A commit is answered when a second machine has it (`synchronous_mode`), and only
 * one that has everything is promoted, so nothing acknowledged is lost; with no replica left the primary goes on alone.
 *
 * A primary that comes back, thawed or started again, finds the lock gone: it gives up what it had more than others
 * (pg_rewind) and follows. It can't acknowledge a write before that: its replica follows another.
 */
import { chownSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Unavailable } from "../core/errors.ts";
import { createDatabase, POSTGRES_SETTINGS, postgresPrograms, userNamed } from "./plain-postgres.ts";
import { accepts, launch, type ManagedProcess } from "./process.ts";

export interface PatroniNode {
  readonly name: string;
  readonly port: number;
  /** Of Patroni's REST interface, which tells the node's role. */
  readonly restPort: number;
}

export interface PatroniOptions {
  readonly folder: string;
  readonly etcdPort: number;
  readonly nodes: readonly PatroniNode[];
  /** Made on the primary. */
  readonly databases: readonly string[];
}

export interface EtcdOptions {
  readonly folder: string;
  readonly name: string;
  readonly port: number;
  readonly peerPort: number;
}

export type PatroniRole = "primary" | "replica";

const PATRONI = "/usr/bin/patroni";
const ETCD = "/usr/bin/etcd";
const READY_MS_MAX = 60_000;
const ANSWER_MS_MAX = 2_000;

/**
 * Seconds. A primary that is gone is given up when its lock has run out, so writes are back soon after `ttl`; one that
 * hangs is also asked, in vain, how far it had come.
 */
const LOCK = { ttl: 15, loop_wait: 2, retry_timeout: 5 } as const;

/** Null, or what isn't installed. */
export function missingForPatroni(): string | null {
  if (!postgresPrograms()) return "PostgreSQL 15 or later isn't installed";
  return existsSync(PATRONI) ? null : "Patroni isn't installed";
}

export function hasEtcd(): boolean {
  return existsSync(ETCD);
}

export function startEtcd({ folder, name, port, peerPort }: EtcdOptions): Promise<ManagedProcess> {
  const [client, peer] = [port, peerPort].map((at) => `http://127.0.0.1:${at}`) as [string, string];
  return launch({
    name,
    folder,
    command: ETCD,
    args: [
      ...["--name", name, "--data-dir", join(folder, "data")],
      ...["--listen-client-urls", client, "--advertise-client-urls", client],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      ...["--initial-cluster", `${name}=${peer}`, "--log-level", "warn", "--enable-v2"],
    ],
    isReady: () => accepts(port),
    readyMsMax: 15_000,
  });
}

/** Starts all nodes for the first time: whoever is first to take the lock makes the database, the others copy it. */
export async function startPatroni(options: PatroniOptions): Promise<void> {
  const programs = postgresPrograms();
  if (!programs) throw new Unavailable("PostgreSQL isn't installed; run scripts/install-engines");
  const user = process.getuid?.() === 0 ? userNamed("postgres") : null;
  mkdirSync(options.folder, { recursive: true });
  await Promise.all(
    options.nodes.map((node) => {
      const home = join(options.folder, node.name);
      mkdirSync(home, { recursive: true, mode: 0o700 });
      const file = join(home, "patroni.json");
      // JSON is YAML.
      writeFileSync(file, JSON.stringify(configuration(options, node, home, programs), null, 2));
      if (user) for (const path of [home, file]) chownSync(path, user.uid, user.gid);
      return launch({
        name: node.name,
        folder: options.folder,
        command: PATRONI,
        args: [file],
        cwd: home,
        env: { LC_ALL: "C.UTF-8", HOME: home },
        isReady: () => isPatroniReady(node),
        readyMsMax: READY_MS_MAX,
        ...user,
      });
    }),
  );
  const primary = await primaryOf(options.nodes);
  if (!primary) throw new Unavailable("Patroni has elected no primary");
  for (const database of options.databases) await createDatabase(primary.port, database);
}

function configuration(options: PatroniOptions, node: PatroniNode, home: string, programs: string): object {
  const local = (port: number) => `127.0.0.1:${port}`;
  return {
    scope: "roost",
    name: node.name,
    restapi: { listen: local(node.restPort), connect_address: local(node.restPort) },
    // By etcd's API of version 2, where Patroni keeps its lock by comparing and setting. With version 3, Patroni 3.0
    // sets it without looking: a primary that was frozen takes the lock back from the one that was promoted meanwhile,
    // and what that one has acknowledged is lost (test/cluster/fail-over.test.ts). Patroni 4 compares there, too.
    etcd: { host: local(options.etcdPort) },
    bootstrap: {
      dcs: {
        ...LOCK,
        synchronous_mode: true,
        // While etcd is away the primary goes on as long as it reaches every other node.
        failsafe_mode: true,
        postgresql: {
          use_pg_rewind: true,
          parameters: Object.fromEntries(POSTGRES_SETTINGS),
        },
      },
      initdb: [{ encoding: "UTF8" }, { locale: "C.UTF-8" }, { auth: "trust" }, "no-sync"],
    },
    postgresql: {
      listen: local(node.port),
      connect_address: local(node.port),
      data_dir: join(home, "data"),
      bin_dir: programs,
      pgpass: join(home, "pgpass"),
      authentication: {
        superuser: { username: "roost" },
        replication: { username: "roost" },
        rewind: { username: "roost" },
      },
      // Loopback alone, as everywhere in a cluster on one machine.
      pg_hba: ["host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"],
      // A node that can't be rewound is copied anew: it always comes back by itself.
      remove_data_directory_on_rewind_failure: true,
      remove_data_directory_on_diverged_timelines: true,
      basebackup: [{ checkpoint: "fast" }, "no-sync"],
    },
    watchdog: { mode: "off" },
  };
}

/** Whether it is the primary, or runs as a replica of one. */
export async function isPatroniReady({ restPort }: PatroniNode): Promise<boolean> {
  return (await ask(restPort, "/readiness")).ok;
}

/** What it is now; null when it doesn't say. */
export async function roleOf({ restPort }: PatroniNode): Promise<PatroniRole | null> {
  if (await says(restPort, "/primary")) return "primary";
  return (await says(restPort, "/replica")) ? "replica" : null;
}

export async function primaryOf(nodes: readonly PatroniNode[]): Promise<PatroniNode | null> {
  const roles = await Promise.all(nodes.map(roleOf));
  return nodes.find((_, i) => roles[i] === "primary") ?? null;
}

/** Whether there is a primary whose commits one of the others has, and all follow it. */
export async function isReplicated(nodes: readonly PatroniNode[]): Promise<boolean> {
  const primary = await primaryOf(nodes);
  if (!primary) return false;
  const { members } = (await (await ask(primary.restPort, "/cluster")).json()) as {
    members: readonly { role: string; state: string; lag?: number | string }[];
  };
  const isFollowing = members.every(
    ({ role, state }) => role === "leader" || /^(running|streaming)$/.test(state),
  );
  return (
    members.length === nodes.length && isFollowing && members.some(({ role }) => role === "sync_standby")
  );
}

function says(restPort: number, path: string): Promise<boolean> {
  return ask(restPort, path).then(
    ({ ok }) => ok,
    () => false,
  );
}

function ask(restPort: number, path: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${restPort}${path}`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
}
