/** Health and metrics: for supervisors, balancers and Prometheus. */
import Type from "typebox";
import { sleep } from "../core/clock.ts";
import type { App } from "./app.ts";
import type { ApiContext } from "./context.ts";

const CHECK_TIMEOUT_MS = 800;

export function opsRoutes(app: App, context: ApiContext): void {
  const plain = { config: { anonymous: true }, schema: { hide: true } };

  app.get("/livez", plain, async (_, reply) => reply.type("text/plain").send("ok"));
  app.get("/health", plain, async (_, reply) => reply.type("text/plain").send("OK"));

  app.route({
    method: "GET",
    url: "/readyz",
    config: { anonymous: true },
    schema: {
      hide: true,
      querystring: Type.Object({
        verbose: Type.Optional(Type.String()),
        leaving: Type.Optional(Type.Literal("404")),
      }),
    },
    handler: async (request, reply) => {
      const checks = await check(context);
      const leaving = { name: "staying", ok: false, error: "this process is about to stop" };
      if (context.leaving.aborted) checks.push(leaving);
      const ready = checks.every((one) => one.ok);
      // HAProxy ends what is under way at a server that is down, but not at one that says 404 for a farewell.
      const unready = context.leaving.aborted && request.query.leaving === "404" ? 404 : 503;
      reply.code(ready ? 200 : unready);
      if (request.query.verbose === undefined) return reply.type("text/plain").send(ready ? "ok" : "unready");
      return reply.send({ ready, checks });
    },
  });

  const { metrics, database } = context;
  metrics.beforeTold = () => {
    const usages = [...new Set([database, ...database.shards.all])].map((one) => one.usage());
    const sum = (state: "inUse" | "idle" | "waiting") => usages.reduce((all, usage) => all + usage[state], 0);
    metrics.databaseConnections.set({ state: "in_use" }, sum("inUse"));
    metrics.databaseConnections.set({ state: "idle" }, sum("idle"));
    metrics.databaseConnections.set({ state: "waiting" }, sum("waiting"));
    tellReplicas(context);
  };
  app.get("/metrics", plain, async (_, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.tell()),
  );
}

function tellReplicas({ database, metrics }: ApiContext): void {
  metrics.replicaLagSeconds.reset();
  metrics.replicaLagBytes.reset();
  metrics.replicaReads.reset();
  if (database.replicas) metrics.replicaReads.inc({ database: "primary" }, database.replicas.primaryReads);
  for (const { name: replica, takesReads, lagMs, lagBytes, reads } of database.replicas?.states() ?? []) {
    metrics.replicaReads.inc({ database: replica }, reads);
    metrics.replicaTakesReads.set({ replica }, takesReads ? 1 : 0);
    if (lagMs !== null) metrics.replicaLagSeconds.set({ replica }, lagMs / 1000);
    if (lagBytes !== null) metrics.replicaLagBytes.set({ replica }, lagBytes);
  }
}

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly error?: string;
}

async function check({ readiness }: ApiContext): Promise<Check[]> {
  return Promise.all(
    Object.entries(readiness).map(async ([name, run]): Promise<Check> => {
      const expired = new AbortController();
      try {
        const late = sleep(CHECK_TIMEOUT_MS, expired.signal).then(() => {
          throw new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`);
        });
        late.catch(() => {});
        await Promise.race([run(), late]);
        return { name, ok: true };
      } catch (error) {
        return { name, ok: false, error: (error as Error).message };
      } finally {
        expired.abort();
      }
    }),
  );
}
