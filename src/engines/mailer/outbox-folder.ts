import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Mail, Mailer } from "./port.ts";

/** Without an SMTP server mails are kept as files, for whoever develops to read. */
export class OutboxFolderMailer implements Mailer {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async send({ to, subject, text }: Mail): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const head = [
      `To: ${oneLine(to)}`,
      `Subject: ${oneLine(subject)}`,
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
    ];
    const mail = [...head, "", text, ""].join("\r\n");
    await writeFile(join(this.#folder, `${randomUUID()}.eml`), mail, { mode: 0o600 });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A line break would begin a header of its own. */
function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, " ");
}
