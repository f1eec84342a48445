import Fastify, { type HTTPMethods } from "fastify";
import { afterAll, describe, expect, test } from "vitest";
import { answerError } from "./errors.ts";

describe("a database that goes away", () => {
  let thrown: Error;
  const app = Fastify().setErrorHandler(answerError);
  app.route({
    method: ["GET", "POST"],
    url: "/",
    handler: () => {
      throw thrown;
    },
  });
  afterAll(() => app.close());

  const answerTo = async (method: HTTPMethods, message: string, code?: string) => {
    thrown = Object.assign(new Error(message), { code });
    return app.inject({ method: method as "GET", url: "/" });
  };

  test.each([
    ["Connection terminated unexpectedly", undefined],
    ["Query read timeout", undefined],
    ["read ECONNRESET", "ECONNRESET"],
    // Said to those whose commit waits for a replica, too, when the server is told to stop.
    ["terminating connection due to administrator command", "57P01"],
    ["server conn crashed?", "08P01"],
    ["read ETIMEDOUT", "ETIMEDOUT"],
  ])("%s: a write may have been done, and its answer says so", async (message, code) => {
    const written = await answerTo("POST", message, code);
    expect(written.statusCode).toBe(503);
    expect(written.headers["retry-after"]).toBe("2");
    expect(written.json().error).toContain("may have been done");
    expect((await answerTo("GET", message, code)).json().error).not.toContain("done");
  });

  test.each([
    ["connect ECONNREFUSED 127.0.0.1:5432", "ECONNREFUSED"],
    ["timeout exceeded when trying to connect", undefined],
    ["cannot execute INSERT in a read-only transaction", "25006"],
    ["query_wait_timeout", "08P01"],
    ["pgbouncer cannot connect to server", "08P01"],
    ["connect ETIMEDOUT 10.0.0.1:5432", "ETIMEDOUT"],
    ["connect EHOSTUNREACH 10.0.0.1:5432", "EHOSTUNREACH"],
    ["getaddrinfo EAI_AGAIN db", "EAI_AGAIN"],
    // In a transaction whose connection broke between two statements.
    ["Client has encountered a connection error and is not queryable", undefined],
  ])("%s: it was never asked", async (message, code) => {
    const written = await answerTo("POST", message, code);
    expect(written.statusCode).toBe(503);
    expect(written.json().error).toBe("The database can't be reached right now. Try again in a moment");
  });
});
