import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";
import { describe, expect, test } from "vitest";
import { mailerContract } from "./contract.ts";
import { OutboxFolderMailer } from "./outbox-folder.ts";
import type { Mail } from "./port.ts";
import { SmtpMailer } from "./smtp.ts";

async function parse(source: string | Buffer): Promise<Mail> {
  const { to, subject = "", text = "" } = await simpleParser(source);
  const address = Array.isArray(to) ? to[0]?.text : to?.text;
  return { to: address ?? "", subject, text: text.trimEnd() };
}

describe("mail kept in a folder", () => {
  mailerContract(async () => {
    const folder = mkdtempSync(join(tmpdir(), "roost-mail-"));
    return {
      mailer: new OutboxFolderMailer(folder),
      delivered: () =>
        Promise.all(readdirSync(folder).map((name) => parse(readFileSync(join(folder, name))))),
      [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
    };
  });
});

describe("mail over SMTP", () => {
  mailerContract(async () => {
    const mails: Mail[] = [];
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ["STARTTLS"],
      onData: (stream, _, done) => {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on(
          "end",
          () => void parse(Buffer.concat(chunks)).then((mail) => done(null, void mails.push(mail) as never)),
        );
      },
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.server.address() as AddressInfo;
    const mailer = new SmtpMailer({ url: `smtp://127.0.0.1:${port}`, from: "roost@example.org" });
    return {
      mailer,
      delivered: async () => mails,
      [Symbol.asyncDispose]: async () => {
        await mailer[Symbol.asyncDispose]();
        await new Promise<void>((resolve) => server.close(() => resolve()));
      },
    };
  });

  test("a server that isn't there rejects instead of losing the mail silently", async () => {
    await using mailer = new SmtpMailer({ url: "smtp://127.0.0.1:1", from: "roost@example.org" });
    await expect(mailer.send({ to: "a@example.org", subject: "s", text: "t" })).rejects.toThrow();
  });
});
