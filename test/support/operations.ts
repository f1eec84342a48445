/** The operations of an OpenAPI document with their parameters, and the ways to send these. */

export interface Schema {
  readonly type?: string;
  readonly anyOf?: readonly Schema[];
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly items?: Schema;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly "x-clamped"?: boolean;
  readonly "x-refused"?: Readonly<Record<string, string>>;
}

interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly required?: boolean;
  readonly schema: Schema;
}

interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  /** All that may be sent, wherever it is documented. */
  readonly schema: Schema;
}

export function operationsOf(document: Document): Asked[] {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { parameters = [], requestBody }]) => {
      const inAddress = parameters.filter((parameter) => parameter.in === "query");
      const body = requestBody?.content["application/json"]?.schema;
      const schema = body ?? {
        type: "object",
        properties: Object.fromEntries(inAddress.map((parameter) => [parameter.name, parameter.schema])),
        required: inAddress.filter(({ required }) => required).map(({ name }) => name),
      };
      return { method: method.toUpperCase(), path, schema };
    }),
  );
}

/** A parameter by its place: ["source", "language"] is source[language]. */
export interface Place {
  readonly at: readonly string[];
  readonly schema: Schema;
  readonly isNullable: boolean;
}

export function placesOf({ properties = {} }: Schema, within: readonly string[] = []): Place[] {
  return Object.entries(properties).flatMap(([name, declared]) => {
    const at = [...within, name];
    const schema = declared.anyOf?.find(({ type }) => type !== "null") ?? declared;
    const isNullable = declared.anyOf?.some(({ type }) => type === "null") ?? false;
    return [{ at, schema, isNullable }, ...(schema.type === "object" ? placesOf(schema, at) : [])];
  });
}

/** ["source", "language"] → "source[language]" */
export function nameOf([first = "", ...rest]: readonly string[]): string {
  return first + rest.map((part) => `[${part}]`).join("");
}

/** ["source", "language"], x → { source: { language: x } } */
export function nest(at: readonly string[], value: unknown): Record<string, unknown> {
  const [first = "", ...rest] = at;
  return { [first]: rest.length === 0 ? value : nest(rest, value) };
}

export interface Sent {
  readonly query?: string;
  readonly body?: string | Buffer;
  readonly type?: string;
}

/** Names and values as the address, a form and a multipart body carry them. */
export const WAYS: Readonly<Record<string, (pairs: [string, string][]) => Promise<Sent>>> = {
  address: async (pairs) => ({ query: `${new URLSearchParams(pairs)}` }),
  form: async (pairs) => ({
    body: `${new URLSearchParams(pairs)}`,
    type: "application/x-www-form-urlencoded",
  }),
  multipart: async (pairs) => {
    const form = new FormData();
    for (const [name, value] of pairs) form.append(name, value);
    const written = new Response(form);
    return {
      body: Buffer.from(await written.arrayBuffer()),
      type: written.headers.get("content-type") ?? "",
    };
  },
};
