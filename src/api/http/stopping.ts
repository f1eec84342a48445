/**
 * Ending with the server: each connection is closed as soon as nothing is under way on it. Node closes those that it
 * calls idle, once, when it is told to stop. One that goes idle after its answer would stay; so would one that never
 * asked anything, or only half a question, since Node waits a minute for those.
 */
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import { every } from "../../core/clock.ts";

const CHECK_MS = 50;
/** For a request whose first bytes were on their way. */
const ASKING_MS_MAX = 1_000;
/** For requests under way, and the closing of streams. */
const ANSWERING_MS_MAX = 10_000;

export function closeConnectionsAtStop(app: FastifyInstance): void {
  const open = new Set<Socket>();
  const answering = new Map<Socket, number>();
  app.server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => {
      open.delete(socket);
      answering.delete(socket);
    });
  });
  // Some clients ask for more before they have the first answer: hence a count.
  app.addHook("onRequest", ({ raw: { socket } }, _, done) => {
    answering.set(socket, (answering.get(socket) ?? 0) + 1);
    done();
  });
  app.addHook("onResponse", ({ raw: { socket } }, _, done) => {
    const left = (answering.get(socket) ?? 1) - 1;
    if (left > 0) answering.set(socket, left);
    else answering.delete(socket);
    done();
  });
  app.addHook("preClose", async () => {
    const startedMs = performance.now();
    const stop = every(CHECK_MS, () => {
      app.server.closeIdleConnections();
      const passedMs = performance.now() - startedMs;
      if (passedMs < ASKING_MS_MAX) return;
      for (const socket of open) {
        if (passedMs > ANSWERING_MS_MAX || !answering.has(socket)) socket.destroy();
      }
    });
    app.server.once("close", stop);
  });
}
