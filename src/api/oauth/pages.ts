/** The pages of signing in, signing up and consenting. They work without JavaScript. */

import type { OAuthApp } from "../../accounts/apps.ts";
import type { Config } from "../../config.ts";
import { type Html, html } from "./html.ts";
import { inWords } from "./scopes.ts";

export interface FormState {
  readonly csrfToken: string;
  /** Where to go on: a path of ours. */
  readonly next: string;
  readonly values?: Readonly<Record<string, string>>;
  readonly error?: string;
  /** Mistakes by field. */
  readonly details?: Readonly<Record<string, readonly { description: string }[]>> | undefined;
}

const BIRD = html`<svg viewBox="0 0 64 64" width="44" height="44" aria-hidden="true"><circle cx="46" cy="20" r="12" fill="#f4b860"/><path d="M6 46q14-26 34-22l8-6 8 7-8 3q-2 20-24 20-8 0-18-2z" fill="currentColor"/><circle cx="46" cy="23" r="2" fill="#fff"/></svg>`;

function layout(title: string, siteTitle: string, body: Html): string {
  return html`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="robots" content="noindex"><title>${title} · ${siteTitle}</title><link rel="stylesheet" href="/oauth/style.css"></head><body><main><header>${BIRD}<p>${siteTitle}</p></header>${body}</main></body></html>`
    .text;
}

export function signInPage(
  siteTitle: string,
  form: FormState,
  { mayRegister, demo }: { mayRegister: boolean; demo: Config["demo"] },
): string {
  return layout(
    "Sign in",
    siteTitle,
    html`<h1>Sign in</h1>${problem(form.error)}
    <form method="post" action="/oauth/sign-in">${hidden(form)}
      ${field({ name: "login", label: "Username or e-mail", autocomplete: "username", form })}
      ${field({ name: "password", label: "Password", type: "password", autocomplete: "current-password", form })}
      <button type="submit">Sign in</button></form>
    ${
      demo
        ? html`<form method="post" action="/oauth/sign-in">${hidden(form)}${hiddenInput("login", demo.login)}${hiddenInput("password", demo.password)}
      <button type="submit" class="quiet">Look around as ${demo.name}</button></form>`
        : ""
    }
    ${mayRegister ? html`<p class="aside">New here? <a href="/oauth/sign-up?next=${encodeURIComponent(form.next)}">Create an account</a></p>` : ""}`,
  );
}

export function signUpPage(siteTitle: string, form: FormState): string {
  const disagreed = mistakesOf(form, "agreement");
  return layout(
    "Create an account",
    siteTitle,
    html`<h1>Create an account</h1>${problem(form.error)}
    <form method="post" action="/oauth/sign-up">${hidden(form)}
      ${field({ name: "username", label: "Username", autocomplete: "username", hint: "Letters, digits and underscores", form })}
      ${field({ name: "email", label: "E-mail", type: "email", autocomplete: "email", form })}
      ${field({ name: "password", label: "Password", type: "password", autocomplete: "new-password", hint: "At least 8 characters", form })}
      <div class="field"><label class="check"><input type="checkbox" name="agreement" value="1" required${disagreed ? html` aria-invalid="true" aria-describedby="agreement-note"` : ""}> I'll be kind, and keep to the rules of this server</label>
      ${disagreed ? html`<p id="agreement-note" class="mistake">${disagreed}</p>` : ""}</div>
      <button type="submit">Create account</button></form>
    <p class="aside">Have one already? <a href="/oauth/sign-in?next=${encodeURIComponent(form.next)}">Sign in</a></p>`,
  );
}

export function consentPage(
  siteTitle: string,
  request: {
    app: OAuthApp;
    username: string;
    scopes: readonly string[];
    target: string;
    csrfToken: string;
    query: Readonly<Record<string, string>>;
    /** Signing in as somebody else, then this request again. */
    signInPath: string;
  },
): string {
  const { app, username, scopes, target, csrfToken, query, signInPath } = request;
  // Set apart, or letters of another direction in the name could turn around the words beside it.
  const name = html`<bdi>${app.name}</bdi>`;
  return layout(
    `Allow ${app.name}`,
    siteTitle,
    html`<h1>Allow ${name}?</h1>
    <p>You are signed in as <strong>@${username}</strong>. <strong>${name}</strong> would be able to:</p>
    <ul>${scopes.map((scope) => html`<li>${inWords(scope)}</li>`)}</ul>
    <p class="aside">You will go on to <strong>${target}</strong>.</p>
    <form method="post" action="/oauth/authorize">${hiddenInput("csrf_token", csrfToken)}
      ${Object.entries(query).map(([key, value]) => hiddenInput(key, value))}
      <button type="submit" name="decision" value="allow">Allow</button>
      <button type="submit" name="decision" value="deny" class="quiet">Deny</button></form>
    <form method="post" action="/oauth/sign-out" class="aside">${hiddenInput("csrf_token", csrfToken)}${hiddenInput("next", signInPath)}
      <button type="submit" class="link">Not you? Sign out</button></form>`,
  );
}

export function codePage(siteTitle: string, code: string, appName: string): string {
  return layout(
    "Your code",
    siteTitle,
    html`<h1>Copy this code</h1><p>Paste it into <strong><bdi>${appName}</bdi></strong> to finish signing in.</p>
    <p><code>${code}</code></p>
    <p class="aside">It works once, within ten minutes. Close this page afterwards.</p>`,
  );
}

export function messagePage(siteTitle: string, title: string, text: string): string {
  return layout(
    title,
    siteTitle,
    html`<h1>${title}</h1><p>${text}</p><p class="aside"><a href="/">To the front page</a></p>`,
  );
}

function problem(error: string | undefined): Html {
  return error ? html`<p class="problem" role="alert">${error}</p>` : html``;
}

function hidden({ csrfToken, next }: FormState): Html {
  return html`${hiddenInput("csrf_token", csrfToken)}${hiddenInput("next", next)}`;
}

function hiddenInput(name: string, value: string): Html {
  return html`<input type="hidden" name="${name}" value="${value}">`;
}

function mistakesOf(form: FormState, name: string): string | undefined {
  return form.details?.[name]?.map((mistake) => mistake.description).join(". ");
}

function field(options: {
  name: string;
  label: string;
  type?: string;
  autocomplete: string;
  hint?: string;
  form: FormState;
}): Html {
  const { name, label, type = "text", autocomplete, hint, form } = options;
  const mistakes = mistakesOf(form, name);
  const note = mistakes ?? hint;
  const value = type === "password" ? "" : (form.values?.[name] ?? "");
  return html`<div class="field"><label for="${name}">${label}</label>
    <input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}" value="${value}" required autocapitalize="none" spellcheck="false"${note ? html` aria-describedby="${name}-note"` : ""}${mistakes ? html` aria-invalid="true"` : ""}>
    ${note ? html`<p id="${name}-note" class="${mistakes ? "mistake" : "hint"}">${note}</p>` : ""}</div>`;
}
