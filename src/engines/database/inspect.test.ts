import { createServer } from "node:net";
import { expect, test } from "vitest";
import { freePort } from "../../cluster/process.ts";
import { requirePostgres } from "./inspect.ts";

test("where nothing listens: the setting, the address without its password, and the way out", async () => {
  const port = await freePort();
  const refused = requirePostgres("DATABASE_URL", `postgres://me:hunter2@127.0.0.1:${port}/roost`);
  await expect(refused).rejects.toThrow(
    `DATABASE_URL names 127.0.0.1:${port}/roost, where nothing listens: start PostgreSQL, or correct the address`,
  );
  await expect(refused).rejects.not.toThrow("hunter2");
});

test("a server of another kind", async () => {
  const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address() as { port: number };
  try {
    const refused = requirePostgres("SHARD_URLS", `postgres://127.0.0.1:${address.port}/roost`);
    await expect(refused).rejects.toThrow(/^SHARD_URLS names 127\.0\.0\.1:\d+\/roost, which /);
  } finally {
    server.close();
  }
});
