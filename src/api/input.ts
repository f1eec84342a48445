/** Reading what clients send: JSON, urlencoded and multipart bodies say the same thing in different types. */
import Type from "typebox";
import { Invalid } from "../core/errors.ts";
import { requireId } from "../core/ids.ts";
import { cleanInput } from "../statuses/text.ts";

/** true, 1, "true", "1", "on" and their opposites. */
export const BooleanInput = Type.Union([Type.Boolean(), Type.String(), Type.Integer()]);
export const IdInput = Type.Union([Type.String(), Type.Integer()]);
/** One or many: `id=1`, `id[]=1`, `[1]`; forms with more than a few entries come as an object of places. */
export const IdsInput = Type.Union([IdInput, Type.Array(IdInput), Type.Record(Type.String(), IdInput)]);

export function booleanOf(input: unknown, name: string): boolean | undefined {
  if (input === undefined || input === null || input === "") return undefined;
  if (input === true || input === 1 || input === "true" || input === "1" || input === "on" || input === "yes")
    return true;
  if (
    input === false ||
    input === 0 ||
    input === "false" ||
    input === "0" ||
    input === "off" ||
    input === "no"
  )
    return false;
  throw new Invalid(`${name} must be true or false`);
}

export function idOf(input: string | number, name: string): bigint {
  return requireId(`${input}`, name);
}

export function optionalIdOf(input: string | number | undefined | null, name: string): bigint | null {
  return input === undefined || input === null || input === "" ? null : idOf(input, name);
}

const MAX_IDS = 1_000;

export function idsOf(input: unknown, name: string): bigint[] {
  if (input === undefined || input === null || input === "") return [];
  const values = Array.isArray(input) ? input : typeof input === "object" ? Object.values(input) : [input];
  if (values.length > MAX_IDS) throw new Invalid(`${name} can have ${MAX_IDS} ids at most`);
  return values.map((value) => idOf(value as string | number, name));
}

export function integerOf(
  input: unknown,
  name: string,
  range: { least: number; most: number },
): number | undefined {
  if (input === undefined || input === null || input === "") return undefined;
  const value = Number(input);
  if (!Number.isInteger(value) || value < range.least || value > range.most) {
    throw new Invalid(`${name} must be a whole number between ${range.least} and ${range.most}`);
  }
  return value;
}

/** Of an image; null for none. */
export function descriptionOf(input: string | null | undefined): string | null | undefined {
  if (input === undefined || input === null) return input;
  const text = cleanInput(input).trim();
  return text === "" ? null : text;
}

/** "x,y", each between -1 and 1: which part of the image must stay in sight when it's cropped. */
export function focusOf(input: string | undefined): { x: number; y: number } | undefined {
  if (input === undefined || input === "") return undefined;
  const [x, y] = input.split(",").map(Number);
  if (x === undefined || y === undefined || !(Math.abs(x) <= 1) || !(Math.abs(y) <= 1)) {
    throw new Invalid("focus must be two numbers between -1 and 1, such as 0.0,0.5");
  }
  return { x, y };
}
