import { createTransport, type Transporter } from "nodemailer";
import type { Mail, Mailer } from "./port.ts";

const TIMEOUT_MS = 10_000;

export class SmtpMailer implements Mailer {
  readonly #transport: Transporter;
  readonly #from: string;

  constructor({ url, from }: { url: string; from: string }) {
    this.#from = from;
    const timeouts = {
      connectionTimeout: TIMEOUT_MS,
      greetingTimeout: TIMEOUT_MS,
      socketTimeout: TIMEOUT_MS,
    };
    this.#transport = createTransport({ url, ...timeouts });
  }

  async send({ to, subject, text }: Mail): Promise<void> {
    // As an object it is one address; a text would be read as a list of them.
    await this.#transport.sendMail({ from: this.#from, to: { name: "", address: to }, subject, text });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#transport.close();
  }
}
