/** Sends mail. Rejects when it could not be handed over; the caller decides whether that matters. */
export interface Mailer extends AsyncDisposable {
  send(mail: Mail): Promise<void>;
}

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}
