/** As much of a Mastodon client as tests need. */
export interface Status {
  readonly id: string;
  readonly content: string;
  readonly visibility: string;
  readonly in_reply_to_id: string | null;
  readonly account: { readonly id: string; readonly username: string };
  readonly reblog: Status | null;
}

export interface Answer<Body = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface Cursors {
  readonly max_id?: string;
  readonly since_id?: string;
  readonly min_id?: string;
  readonly limit?: string;
}

/** An answer that a test didn't expect. */
export class UnexpectedAnswer extends Error {
  readonly answer: Answer;

  constructor(what: string, answer: Answer) {
    super(`${what}: ${answer.status} ${JSON.stringify(answer.body)}`);
    this.answer = answer;
  }
}

/** Somebody with a token; null asks as nobody. */
export class Client {
  readonly url: string;
  readonly token: string | null;

  constructor(url: string, token: string | null) {
    this.url = url;
    this.token = token;
  }

  /** Any request, its answer as it is. A body that is no text, bytes or form is sent as JSON. */
  async ask<Body = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<Body>> {
    const isRaw =
      body === undefined ||
      typeof body === "string" ||
      body instanceof Uint8Array ||
      body instanceof FormData;
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(this.token === null ? {} : { authorization: `Bearer ${this.token}` }),
        ...(isRaw ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: isRaw ? (body as NonNullable<RequestInit["body"]>) : JSON.stringify(body) }),
    });
    const text = await answer.text();
    const isJson = answer.headers.get("content-type")?.includes("json") ?? false;
    return {
      status: answer.status,
      headers: answer.headers,
      body: (isJson && text !== "" ? JSON.parse(text) : text) as Body,
    };
  }

  /** The body of an answer that must be a 200. */
  async get<Body = unknown>(path: string): Promise<Body> {
    return this.#expect("GET", path, await this.ask<Body>("GET", path));
  }

  async post<Body = unknown>(path: string, body: unknown = {}): Promise<Body> {
    return this.#expect("POST", path, await this.ask<Body>("POST", path, body));
  }

  async put<Body = unknown>(path: string, body: unknown = {}): Promise<Body> {
    return this.#expect("PUT", path, await this.ask<Body>("PUT", path, body));
  }

  async delete<Body = unknown>(path: string, body?: unknown): Promise<Body> {
    return this.#expect("DELETE", path, await this.ask<Body>("DELETE", path, body));
  }

  async patch<Body = unknown>(path: string, body: unknown = {}): Promise<Body> {
    return this.#expect("PATCH", path, await this.ask<Body>("PATCH", path, body));
  }

  publish(status: string, more: Record<string, unknown> = {}): Promise<Status> {
    return this.post<Status>("/api/v1/statuses", { status, ...more });
  }

  follow(accountId: string, options: Record<string, unknown> = {}): Promise<{ requested: boolean }> {
    return this.post(`/api/v1/accounts/${accountId}/follow`, options);
  }

  home(cursors: Cursors = {}): Promise<Status[]> {
    const query = new URLSearchParams({ ...cursors }).toString();
    return this.get<Status[]>(`/api/v1/timelines/home${query === "" ? "" : `?${query}`}`);
  }

  /** The whole home timeline, page after page, as the Link headers say. */
  async homeByLinks(limit: number, rel: "next" | "prev" = "next", from = ""): Promise<string[][]> {
    const pages: string[][] = [];
    let path: string | null = `/api/v1/timelines/home?limit=${limit}${from}`;
    while (path !== null) {
      const answer: Answer<Status[]> = await this.ask<Status[]>("GET", path);
      this.#expect("GET", path, answer);
      if (answer.body.length > 0) pages.push(answer.body.map((status) => status.id));
      path = answer.body.length === 0 ? null : this.#link(answer.headers, rel);
    }
    return pages;
  }

  #link(headers: Headers, rel: string): string | null {
    const link = headers.get("link")?.match(new RegExp(`<([^>]+)>; rel="${rel}"`))?.[1];
    if (!link) return null;
    const { pathname, search } = new URL(link);
    return pathname + search;
  }

  #expect<Body>(method: string, path: string, answer: Answer<Body>): Body {
    if (answer.status !== 200) throw new UnexpectedAnswer(`${method} ${path}`, answer);
    return answer.body;
  }
}

const SCOPES = "read write follow push profile";

export interface SignedUp {
  readonly client: Client;
  readonly id: string;
  readonly username: string;
}

/** Registers an app and gets its own token, which may sign people up. */
export async function appToken(url: string): Promise<string> {
  const nobody = new Client(url, null);
  const app = await nobody.post<{ client_id: string; client_secret: string }>("/api/v1/apps", {
    client_name: "Tests",
    redirect_uris: "urn:ietf:wg:oauth:2.0:oob",
    scopes: SCOPES,
  });
  const { access_token } = await nobody.post<{ access_token: string }>("/oauth/token", {
    grant_type: "client_credentials",
    client_id: app.client_id,
    client_secret: app.client_secret,
    scope: SCOPES,
  });
  return access_token;
}

/** Signs people up as an app does. */
export async function signUp(url: string, ...usernames: string[]): Promise<SignedUp[]> {
  const app = new Client(url, await appToken(url));
  return Promise.all(
    usernames.map(async (username) => {
      const { access_token } = await app.post<{ access_token: string }>("/api/v1/accounts", {
        username,
        email: `${username}@example.org`,
        password: "correct horse battery",
        agreement: true,
        locale: "en",
      });
      const client = new Client(url, access_token);
      const { id } = await client.get<{ id: string }>("/api/v1/accounts/verify_credentials");
      return { client, id, username };
    }),
  );
}
