/** The API as a client sees it, for tests. */

export interface Status {
  readonly id: string;
  readonly content: string;
  readonly account: { readonly id: string; readonly username: string };
  readonly reblog: Status | null;
  readonly visibility: string;
  readonly favourited?: boolean;
}

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
  readonly headers: Headers;
}

export class Client {
  readonly url: string;
  readonly token: string | null;

  constructor(url: string, token: string | null) {
    this.url = url;
    this.token = token;
  }

  async request<T>(method: string, path: string, body?: object): Promise<Answer<T>> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(this.token === null ? {} : { authorization: `Bearer ${this.token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: parse(text) as T, headers: response.headers };
  }

  /** As `request`; throws unless the answer is a success. */
  async call<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await this.request<T>(method, path, body);
    if (answer.status >= 300) {
      throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    }
    return answer.body;
  }

  get<T>(path: string): Promise<T> {
    return this.call<T>("GET", path);
  }

  post<T>(path: string, body: object = {}): Promise<T> {
    return this.call<T>("POST", path, body);
  }
}

export interface TestAccount {
  readonly id: string;
  readonly username: string;
  readonly client: Client;
}

/** Registers an app and makes accounts through the public API, as a client for new users does. */
export async function signUp(url: string, names: readonly string[]): Promise<TestAccount[]> {
  const scopes = "read write follow push";
  const anonymous = new Client(url, null);
  const app = await anonymous.post<{ client_id: string; client_secret: string }>("/api/v1/apps", {
    client_name: "test",
    redirect_uris: "urn:ietf:wg:oauth:2.0:oob",
    scopes,
  });
  const { access_token } = await anonymous.post<{ access_token: string }>("/oauth/token", {
    grant_type: "client_credentials",
    client_id: app.client_id,
    client_secret: app.client_secret,
    scope: scopes,
  });
  const asApp = new Client(url, access_token);
  return Promise.all(
    names.map(async (username) => {
      const created = await asApp.post<{ access_token: string }>("/api/v1/accounts", {
        username,
        email: `${username}@example.org`,
        password: "a long enough password",
        agreement: true,
        locale: "en",
      });
      const client = new Client(url, created.access_token);
      const { id } = await client.get<{ id: string }>("/api/v1/accounts/verify_credentials");
      return { id, username, client };
    }),
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
