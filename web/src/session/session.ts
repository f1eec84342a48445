/** Who is signed in here: the token in this browser, and whether the server still takes it. */
import { useSyncExternalStore } from "react";

const TOKEN_KEY = "roost.token";
const ACCOUNT_KEY = "roost.account";

export interface Session {
  readonly token: string | null;
  /** The id of the signed-in account, known since it last answered: keys what is kept in this browser. */
  readonly accountId: string | null;
  /** The server refused the token: what is on screen stays, and a sheet asks to sign in again. */
  readonly isExpired: boolean;
}

let session: Session = {
  token: read(TOKEN_KEY),
  accountId: read(ACCOUNT_KEY),
  isExpired: false,
};
const listeners = new Set<() => void>();

export function currentToken(): string | null {
  return session.isExpired ? null : session.token;
}

export function currentSession(): Session {
  return session;
}

export function tokenRefused(): void {
  if (!session.isExpired) change({ ...session, isExpired: true });
}

export function startSession(token: string): void {
  write(TOKEN_KEY, token);
  change({ ...session, token, isExpired: false });
}

export function rememberAccount(accountId: string): void {
  if (session.accountId === accountId) return;
  write(ACCOUNT_KEY, accountId);
  change({ ...session, accountId });
}

export function useSession(): Session {
  return useSyncExternalStore(subscribe, currentSession);
}

export function useIsSignedIn(): boolean {
  return useSession().token !== null;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function change(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Without storage the session lasts as long as the page.
  }
}
