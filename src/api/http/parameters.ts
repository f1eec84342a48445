/**
 * What a client sent → the parameters of a route, by the route's schema. Address, form, multipart and JSON say the same
 * thing in different types, and this is the only place that knows so; handlers get each parameter in its own type, or
 * not at all. The rules are those of the API's documentation, and Rails' where that is silent.
 */
import type { TSchema } from "typebox";
import { Invalid } from "../../core/errors.ts";

/** The keywords that a parameter's schema may have. Everything else of JSON Schema would be a promise nobody keeps. */
export interface ParameterSchema {
  readonly type?: string;
  readonly anyOf?: readonly ParameterSchema[];
  readonly format?: string;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: number;
  readonly items?: ParameterSchema;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, ParameterSchema>>;
  readonly required?: readonly string[];
  readonly description?: string;
  /** Any text does: what lies outside the range is clamped, and what is no number is as not given. */
  readonly "x-clamped"?: boolean;
  /** Parameters of the API that this server can't honour → what it says when they are given. */
  readonly "x-refused"?: Readonly<Record<string, string>>;
}

const KEYWORDS = new Set(
  [
    "type anyOf format pattern enum const maxLength minimum maximum default items maxItems properties required",
    "description x-clamped x-refused",
  ].flatMap((line) => line.split(" ")),
);

/** Undefined: not given. Throws Invalid, naming the parameter. */
type Read = (value: unknown, name: string) => unknown;

/** Throws for a schema that it can't read by: at the start, not at a request. */
export function readerOf(typed: TSchema): Read {
  const schema = typed as ParameterSchema;
  const unknown = Object.keys(schema).filter((keyword) => !KEYWORDS.has(keyword));
  if (unknown.length > 0) throw new Error(`a parameter can't be described by ${unknown.join(", ")}`);
  const others = schema.anyOf?.filter(({ type }) => type !== "null");
  const [only] = others ?? [schema];
  if (!only || (others && others.length > 1)) throw new Error("a parameter can't be of several types");
  const read = others ? readerOf(only) : readerOfType(schema);
  const isNullable = others !== undefined && others.length < (schema.anyOf?.length ?? 0);
  return (value, name) => {
    if (value === null) return isNullable ? null : undefined;
    return value === undefined ? undefined : read(value, name);
  };
}

function readerOfType(schema: ParameterSchema): Read {
  switch (schema.type) {
    case "boolean":
      return readBoolean;
    case "integer":
      return schema["x-clamped"] ? clampedReader(schema) : integerReader(schema);
    case "string":
      if (schema.format === "binary") return readFile;
      if (schema.format === "id") return readId;
      return textReader(schema);
    case "array":
      return arrayReader(schema);
    case "object":
      return objectReader(schema);
    default:
      throw new Error(`a parameter can't be of the type ${schema.type}`);
  }
}

/** As the documentation lists them; nothing else is false, not even "no" and "False". */
const FALSE = new Set<unknown>([false, 0, "0", "f", "F", "false", "FALSE", "off", "OFF"]);

function readBoolean(value: unknown, name: string): boolean | undefined {
  if (value === "") return undefined;
  if (typeof value === "object") throw new Invalid(`${name} must be true or false`);
  return !FALSE.has(value);
}

function integerReader({
  minimum = Number.MIN_SAFE_INTEGER,
  maximum = Number.MAX_SAFE_INTEGER,
}: ParameterSchema): Read {
  return (value, name) => {
    if (value === "") return undefined;
    const isText = typeof value === "string" && /^\s*[+-]?\d+\s*$/.test(value);
    const number = isText ? Number(value) : value;
    if (typeof number === "number" && Number.isInteger(number) && number >= minimum && number <= maximum)
      return number;
    throw new Invalid(`${name} must be a whole number between ${minimum} and ${maximum}`);
  };
}

/** The number that a text begins with, without its sign, as Mastodon reads them. */
function clampedReader({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: ParameterSchema): Read {
  return (value, name) => {
    if (typeof value === "object") throw new Invalid(`${name} must be one number`);
    const digits = /^\s*[+-]?(\d+)/.exec(`${value}`)?.[1];
    return digits === undefined ? undefined : Math.min(Math.max(Number(digits), minimum), maximum);
  };
}

/** Stays text: whoever uses it checks it, with the answer that fits the place. */
function readId(value: unknown, name: string): string | undefined {
  if (value === "") return undefined;
  if (typeof value === "string") return value;
  if (typeof value !== "number") throw new Invalid(`${name} must be an id`);
  if (Number.isSafeInteger(value)) return `${value}`;
  throw new Invalid(`${name} can't be read exactly as this number: send the id as text`);
}

function textReader({
  maxLength = Number.POSITIVE_INFINITY,
  enum: values,
  const: constant,
}: ParameterSchema): Read {
  const choices = constant === undefined ? values : [constant];
  return (value, name) => {
    const text = typeof value === "number" || typeof value === "boolean" ? `${value}` : value;
    if (typeof text !== "string") throw new Invalid(`${name} must be one text`);
    if (choices) {
      if (text === "") return undefined;
      if (!choices.includes(text)) throw new Invalid(`${name} must be one of ${choices.join(", ")}`);
    }
    if (text.length > maxLength) throw new Invalid(`${name} can have ${maxLength} characters at most`);
    return text;
  };
}

function readFile(value: unknown, name: string): unknown {
  if (value === "") return undefined;
  if (Buffer.isBuffer((value as { bytes?: unknown }).bytes)) return value;
  throw new Invalid(`${name} must be a file in a multipart body`);
}

/** A list, one value alone, or a list as forms write it: an object of places. */
function arrayReader({ items = {}, maxItems = Number.POSITIVE_INFINITY }: ParameterSchema): Read {
  const read = readerOf(items);
  const isOfObjects = items.type === "object";
  return (value, name) => {
    if (value === "") return undefined;
    const isPlaces = isObject(value) && (!isOfObjects || Object.values(value).every(isObject));
    const values = Array.isArray(value) ? value : isPlaces ? Object.values(value) : [value];
    if (values.length > maxItems) throw new Invalid(`${name} can have ${maxItems} entries at most`);
    return values.map((one) => read(one, name)).filter((one) => one !== undefined);
  };
}

function objectReader({ properties = {}, required = [], "x-refused": refused = {} }: ParameterSchema): Read {
  const readers = new Map(Object.entries(properties).map(([key, schema]) => [key, readerOf(schema)]));
  const refusals = new Map(Object.entries(refused));
  return (value, name) => {
    if (value === "" && name !== "") return undefined;
    if (!isObject(value)) throw new Invalid(`${name || "The request"} must be an object`);
    const read: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      const reader = readers.get(key);
      const one = reader?.(value[key], name === "" ? key : `${name}[${key}]`);
      if (one !== undefined) read[key] = one;
      if (reader === undefined && refusals.size > 0) refuse(refusals.get(key), value[key]);
    }
    for (const key of required) {
      if (read[key] === undefined) throw new Invalid(`${name === "" ? key : `${name}[${key}]`} is needed`);
    }
    return read;
  };
}

/** What is given without content asks for nothing. */
function refuse(sentence: string | undefined, value: unknown): void {
  const isEmpty =
    value === null || value === "" || value === false || (Array.isArray(value) && value.length === 0);
  if (sentence !== undefined && !isEmpty) throw new Invalid(sentence);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !("bytes" in value);
}

/** Parameters of two places as one; what the inner place says, counts. Empty, it says nothing. */
export function mergeParameters(
  outer: Record<string, unknown>,
  inner: Record<string, unknown>,
): Record<string, unknown> {
  const merged = { ...outer };
  for (const key of Object.keys(inner)) {
    const [before, now] = [merged[key], inner[key]];
    if (before !== undefined && (now === null || now === "")) continue;
    merged[key] = isObject(before) && isObject(now) ? mergeParameters(before, now) : now;
  }
  return merged;
}
