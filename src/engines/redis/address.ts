/** REDIS_URL taken apart: one server, a group watched by sentinels, or a cluster. */
import { invariant } from "../../core/errors.ts";

export interface RedisAddress {
  readonly form: "single" | "sentinel" | "cluster";
  /** Servers, or the sentinels. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** What the sentinels call the group; empty without sentinels. */
  readonly group: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly tls: boolean;
  /** Without user and password, for messages. */
  readonly shown: string;
}

const DEFAULT_PORT = { single: 6379, cluster: 6379, sentinel: 26_379 } as const;

/** The setting's form was checked when it was read. */
export function addressOf(url: string): RedisAddress {
  const parts = url.match(
    /^(rediss?|redis\+sentinel|redis\+cluster):\/\/(?:([^@]*)@)?([^/?]+)(?:\/([^?]*))?/,
  );
  invariant(parts, "REDIS_URL has been checked");
  const [, scheme = "", user = "", hosts = "", path = ""] = parts;
  const form = scheme.endsWith("+sentinel") ? "sentinel" : scheme.endsWith("+cluster") ? "cluster" : "single";
  const [username = "", ...password] = user.split(":");
  return {
    form,
    nodes: hosts.split(",").map((host) => nodeOf(host, DEFAULT_PORT[form])),
    group: form === "sentinel" ? path : "",
    username: decodeURIComponent(username) || undefined,
    password: decodeURIComponent(password.join(":")) || undefined,
    database: form === "single" ? Number(path) || 0 : 0,
    tls: scheme === "rediss",
    shown: `${scheme}://${hosts}${path === "" ? "" : `/${path}`}`,
  };
}

function nodeOf(text: string, defaultPort: number): { host: string; port: number } {
  const [, host = text, port] = text.match(/^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/) ?? [];
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port ?? defaultPort) };
}

const SLOTS = 16_384;

/** The cluster's slot of a key: CRC-16 (XMODEM) of what stands in its first braces, or of all of it. */
export function slotOf(key: string): number {
  const open = key.indexOf("{");
  const close = key.indexOf("}", open + 1);
  const tag = open >= 0 && close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return (crc & 0xffff) % SLOTS;
}

/** `count` hash tags whose slots lie evenly over all, so that the nodes of any small cluster get about as many each. */
export function evenTags(count: number): string[] {
  const width = SLOTS / count;
  return Array.from({ length: count }, (_, bucket) => {
    for (let attempt = 0; ; attempt++) {
      const tag = `${bucket}.${attempt}`;
      if (Math.floor(slotOf(tag) / width) === bucket) return tag;
    }
  });
}
