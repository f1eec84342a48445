/** The limit of the framework: the same bytes with the same headers, and nothing else. */
import { readFileSync } from "node:fs";
import Fastify from "fastify";

const [port, bodyFile] = process.argv.slice(2);
const body = readFileSync(bodyFile ?? "");
const app = Fastify({ logger: false });
app.get("/", async (_, reply) => reply.header("Content-Type", "application/json; charset=utf-8").send(body));
await app.listen({ host: "127.0.0.1", port: Number(port) });
process.once("SIGTERM", () => void app.close());
