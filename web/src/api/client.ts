/** One door to the API: the token, errors as sentences, pages by their Link header. */
import { currentToken, tokenRefused } from "../session/session.ts";
import { errorOf, Rebuilding, refusal, Unreachable } from "./errors.ts";

type Query = Record<string, string | number | boolean | readonly string[] | null | undefined>;

export interface RequestOptions {
  readonly query?: Query;
  /** Sent as JSON, or as it is when it is a form. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Another token than the session's; null sends none. */
  readonly token?: string | null;
  readonly signal?: AbortSignal;
}

export interface PageOf<T> {
  readonly entries: readonly T[];
  /** The `max_id` of the next, older page; null at the end of the list. */
  readonly older: string | null;
}

export async function get<T>(path: string, options: RequestOptions = {}): Promise<T> {
  return (await send("GET", path, options)).json() as Promise<T>;
}

export async function post<T>(path: string, body?: unknown, options: RequestOptions = {}): Promise<T> {
  return (await send("POST", path, { ...options, body })).json() as Promise<T>;
}

export async function put<T>(path: string, body?: unknown): Promise<T> {
  return (await send("PUT", path, { body })).json() as Promise<T>;
}

export async function patch<T>(path: string, body?: unknown): Promise<T> {
  return (await send("PATCH", path, { body })).json() as Promise<T>;
}

export async function remove<T>(path: string, body?: unknown): Promise<T> {
  return (await send("DELETE", path, { body })).json() as Promise<T>;
}

export async function getPage<T>(path: string, query: Query, signal?: AbortSignal): Promise<PageOf<T>> {
  const response = await send("GET", path, { query, ...(signal ? { signal } : {}) });
  if (response.status === 206) throw new Rebuilding();
  const entries = (await response.json()) as T[];
  return { entries, older: entries.length === 0 ? null : olderCursor(response.headers.get("Link")) };
}

export function olderCursor(link: string | null): string | null {
  for (const part of (link ?? "").split(",")) {
    const match = /<([^>]+)>\s*;\s*rel="next"/.exec(part);
    if (match?.[1]) return new URL(match[1], "http://any.invalid").searchParams.get("max_id");
  }
  return null;
}

export function pathWith(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined) continue;
    if (Array.isArray(value)) for (const entry of value) search.append(`${name}[]`, String(entry));
    else search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

async function send(method: string, path: string, options: RequestOptions): Promise<Response> {
  const { query, body, headers = {}, signal } = options;
  const token = options.token === undefined ? currentToken() : options.token;
  const isForm = body instanceof FormData;
  const address = pathWith(path, query);
  let response: Response;
  try {
    const early = method === "GET" ? takeEarly(address, token) : null;
    response = await (early ??
      fetch(address, {
        method,
        headers: {
          ...(token ? { Authorization: `Bearer ${token}` } : {}),
          ...(body === undefined || isForm ? {} : { "Content-Type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
        ...(signal ? { signal } : {}),
      }));
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    reachable.report(false);
    throw new Unreachable({ cause });
  }
  reachable.report(true);
  if (response.ok) return response;
  const error = await errorOf(response);
  if (error.status === 401 && token && token === currentToken()) tokenRefused();
  throw error;
}

/** What public/boot.js asked for while the app was loading. */
declare global {
  interface Window {
    roostEarly?: { path: string; token: string; answer: Promise<Response>; hasCome: boolean };
  }
}

function takeEarly(address: string, token: string | null): Promise<Response> | null {
  const early = window.roostEarly;
  if (early?.path !== address || early.token !== token) return null;
  delete window.roostEarly;
  return early.answer;
}

/** Whether the last request found the server: the browser's own word on being online is often wrong. */
export const reachable = {
  isReachable: true,
  lastAnswerAt: Date.now(),
  listeners: new Set<() => void>(),
  report(isReachable: boolean): void {
    if (isReachable) this.lastAnswerAt = Date.now();
    if (this.isReachable === isReachable) return;
    this.isReachable = isReachable;
    for (const listener of this.listeners) listener();
  },
  /** After a lost connection nothing else may ask for long. */
  async ask(): Promise<void> {
    const answer = await fetch("/favicon.svg", { method: "HEAD", cache: "no-store" }).catch(() => null);
    this.report(answer?.ok === true);
  },
};

/** An upload that reports its progress, which fetch can't. */
export function upload<T>(path: string, form: FormData, onProgress: (share: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    const token = currentToken();
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onerror = () => reject(new Unreachable());
    request.onload = () => {
      const headers = { get: (name: string) => request.getResponseHeader(name) };
      let body: (T & { error?: string }) | null = null;
      try {
        body = JSON.parse(request.responseText) as T & { error?: string };
      } catch {
        // A proxy's page, most likely: the status says enough.
      }
      if (body && request.status < 300) resolve(body);
      else reject(refusal(body?.error ?? "The upload failed", request.status, headers));
    };
    request.send(form);
  });
}
