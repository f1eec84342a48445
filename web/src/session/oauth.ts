/** This app as the built-in OAuth client of its own server: code flow with PKCE, no secret. */
import { get, pathWith, post } from "../api/client.ts";
import type { CredentialAccount, OAuthToken } from "../api/types.ts";
import { currentSession, currentToken, rememberAccount, startSession } from "./session.ts";
import { wipeStorage } from "./wipe.ts";

const PENDING_KEY = "roost.sign-in";
const SCOPES = "read write follow push";
export const CALLBACK_PATH = "/login/callback";
const CLIENT = { client_id: "roost-web", redirect_uri: CALLBACK_PATH };

interface PendingSignIn {
  state: string;
  verifier: string;
  returnTo: string;
}

/** `loginHint` names the account of a demo, which signs in by itself. */
export async function beginSignIn(returnTo: string, loginHint?: string): Promise<void> {
  const verifier = randomText();
  const state = randomText();
  const pending: PendingSignIn = { state, verifier, returnTo };
  sessionStorage.setItem(PENDING_KEY, JSON.stringify(pending));
  location.assign(
    pathWith("/oauth/authorize", {
      ...CLIENT,
      response_type: "code",
      scope: SCOPES,
      state,
      code_challenge: await challengeOf(verifier),
      code_challenge_method: "S256",
      ...(loginHint ? { login_hint: loginHint } : {}),
    }),
  );
}

let finishing: Promise<string> | null = null;

/** Exchanges the code the server sent back; the path to go on to. A code works once, so asking twice is one try. */
export function finishSignIn(search: string): Promise<string> {
  finishing ??= exchange(search).finally(() => {
    finishing = null;
  });
  return finishing;
}

async function exchange(search: string): Promise<string> {
  const query = new URLSearchParams(search);
  const pending = JSON.parse(sessionStorage.getItem(PENDING_KEY) ?? "null") as PendingSignIn | null;
  const refusal = query.get("error_description") ?? query.get("error");
  if (refusal === "access_denied") throw new Error("You chose not to sign in. Nothing was changed.");
  if (refusal) throw new Error(refusal);
  const code = query.get("code");
  if (!pending || !code || query.get("state") !== pending.state) {
    throw new Error("This sign-in was started in another tab or has expired. Start it again.");
  }
  const token = await post<OAuthToken>(
    "/oauth/token",
    { ...CLIENT, grant_type: "authorization_code", code, code_verifier: pending.verifier },
    { token: null },
  );
  await begin(token.access_token);
  sessionStorage.removeItem(PENDING_KEY);
  return pending.returnTo;
}

export async function signUp(fields: { username: string; email: string; password: string }): Promise<void> {
  const appToken = await clientToken();
  const token = await post<OAuthToken>(
    "/api/v1/accounts",
    { ...fields, agreement: true, locale: navigator.language.slice(0, 2) },
    { token: appToken },
  );
  await begin(token.access_token);
}

async function clientToken(): Promise<string> {
  const token = await post<OAuthToken>(
    "/oauth/token",
    { ...CLIENT, grant_type: "client_credentials", scope: SCOPES },
    { token: null },
  );
  return token.access_token;
}

/** Knows the account before anything is shown: what is kept in this browser is kept per account. */
async function begin(token: string): Promise<void> {
  const account = await get<CredentialAccount>("/api/v1/accounts/verify_credentials", { token });
  const { accountId } = currentSession();
  if (accountId && accountId !== account.id) await wipeStorage();
  startSession(token);
  rememberAccount(account.id);
}

export async function signOut(): Promise<void> {
  const token = currentToken();
  if (token) {
    // A token that can't be revoked now is still forgotten here.
    await post("/oauth/revoke", { ...CLIENT, token }, { token: null }).catch(() => undefined);
  }
  await wipeStorage();
  location.assign("/");
}

function randomText(): string {
  return base64Url(crypto.getRandomValues(new Uint8Array(32)));
}

/** PKCE's S256. Plain-HTTP hosts other than localhost have no crypto.subtle, hence the fallback. */
async function challengeOf(verifier: string): Promise<string> {
  const bytes = new TextEncoder().encode(verifier);
  if (crypto.subtle) return base64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
  const { sha256 } = await import("./sha256.ts");
  return base64Url(sha256(bytes));
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}
