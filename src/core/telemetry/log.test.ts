import { expect, test } from "vitest";
import { createLogger } from "./log.ts";

test("secrets don't get into the log, wherever it goes; the rest does", () => {
  let written = "";
  const log = createLogger("info", {
    write: (line: string) => {
      written += line;
    },
  });
  const secret = "hunter2";
  log.info({
    body: { password: secret, access_token: secret, client_secret: secret, username: "wren" },
    req: { headers: { authorization: secret, cookie: secret, host: "roost.test" } },
    err: Object.assign(new Error("refused"), { code: "ECONNREFUSED" }),
  });
  expect(written).not.toContain(secret);
  for (const kept of ["wren", "roost.test", "refused", "ECONNREFUSED"]) expect(written).toContain(kept);
});
