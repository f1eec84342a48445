import { describe, expect, it } from "vitest";
import { ConfigError } from "../config.ts";
import {
  Conflict,
  Forbidden,
  Invalid,
  NotFound,
  RateLimited,
  Unavailable,
  UnusableSetup,
} from "../core/errors.ts";
import { CommandError } from "./exit-codes.ts";
import { explain } from "./failure.ts";

describe("explain", () => {
  it.each<[unknown, number]>([
    [new CommandError(75, "Not now."), 75],
    [new ConfigError(["PORT is wrong"]), 78],
    [new Invalid("Username is too long"), 65],
    [new Conflict("Taken"), 65],
    [new NotFound(), 1],
    [new Forbidden("No"), 77],
    [new RateLimited("Slow down"), 75],
    [new Unavailable("The database is away"), 69],
    [new UnusableSetup("A shard is missing"), 78],
    [Object.assign(new Error("EACCES"), { code: "EACCES", path: "/data" }), 77],
    [Object.assign(new Error("ECONNREFUSED"), { code: "ECONNREFUSED", address: "::1", port: 5432 }), 69],
    [Object.assign(new Error("password authentication failed"), { code: "28P01", severity: "FATAL" }), 77],
    [Object.assign(new Error("database x does not exist"), { code: "3D000", severity: "FATAL" }), 69],
    [Object.assign(new Error("syntax error"), { code: "42601", severity: "ERROR" }), 70],
    [new TypeError("x is not a function"), 70],
    ["a string", 70],
  ])("%s ends with %i", (error, exitCode) => {
    const found = explain(error);
    expect(found.exitCode).toBe(exitCode);
    expect(found.isBug).toBe(exitCode === 70);
    expect(found.lines[0]).toBeTruthy();
  });

  it("looks into errors that are several", () => {
    const refused = Object.assign(new Error("ECONNREFUSED"), {
      code: "ECONNREFUSED",
      address: "::1",
      port: 5,
    });
    expect(explain(new AggregateError([refused])).lines[0]).toBe("Connection refused: ::1:5.");
  });

  it("tells why an engine is away", () => {
    const { lines } = explain(new Unavailable("The database is away", { cause: new Error("no route") }));
    expect(lines).toContain("Because: no route.");
  });
});
