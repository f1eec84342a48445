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
    await writeFile(
      join(this.#folder, `${randomUUID()}.eml`),
      `To: ${to}\r\nSubject: ${subject}\r\n\r\n${text}\r\n`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
