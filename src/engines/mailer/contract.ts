import { expect, test } from "vitest";
import type { Mail, Mailer } from "./port.ts";

/** What every mailer does; `delivered` gives what has arrived, however the adapter carries it. */
export function mailerContract(
  open: () => Promise<{ mailer: Mailer; delivered: () => Promise<Mail[]> } & AsyncDisposable>,
) {
  test("what was sent has arrived when it resolves", async () => {
    await using opened = await open();
    const mail = {
      to: "wren@example.org",
      subject: "Confirm your address",
      text: "Follow this link:\nhttp://localhost/x",
    };
    await opened.mailer.send(mail);
    expect(await opened.delivered()).toEqual([mail]);
  });

  test("each mail goes on its own", async () => {
    await using opened = await open();
    for (const name of ["a", "b", "c"]) {
      await opened.mailer.send({ to: `${name}@example.org`, subject: name, text: name });
    }
    expect((await opened.delivered()).map((mail) => mail.subject).sort()).toEqual(["a", "b", "c"]);
  });

  test("letters of every script survive", async () => {
    await using opened = await open();
    const mail = { to: "wren@example.org", subject: "Zdravo, 世界", text: "Grüße — 🐦" };
    await opened.mailer.send(mail);
    expect(await opened.delivered()).toEqual([mail]);
  });

  test("a line break in a subject adds no header", async () => {
    await using opened = await open();
    await opened.mailer.send({ to: "wren@example.org", subject: "a\r\nTo: owl@example.org", text: "t" });
    expect(await opened.delivered()).toMatchObject([{ to: "wren@example.org", text: "t" }]);
  });
}
