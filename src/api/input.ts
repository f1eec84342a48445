/** The kinds of parameters that routes declare; `http/parameters.ts` makes them of what clients send. */
import Type, { type TObject, type TProperties } from "typebox";
import { Invalid } from "../core/errors.ts";
import { requireId } from "../core/ids.ts";
import { normaliseLanguage } from "../core/languages.ts";
import { cleanInput } from "../statuses/text.ts";
import type { UploadedFile } from "./http/body-parsing.ts";

/** A decimal text, or a JSON number of the same digits. */
export const IdInput = Type.String({ format: "id", pattern: "^[0-9]{1,19}$" });
export const IdsInput = Type.Array(IdInput, { maxItems: 1_000 });
export const WordsInput = Type.Array(Type.String({ maxLength: 500 }), { maxItems: 100 });
export const FileInput = Type.Unsafe<UploadedFile>({ type: "string", format: "binary" });

export function choiceOf<Value extends string>(values: readonly Value[]) {
  return Type.Unsafe<Value>({ type: "string", enum: values });
}

/** A number that is clamped into its range, and as not given when it is none. */
export function clampedInput(range: { minimum: number; maximum?: number }, description: string) {
  return Type.Integer({ ...range, description, "x-clamped": true });
}

/** With the parameters of the API that can't be honoured: given all the same, they are refused with a sentence. */
export function refusing<Properties extends TProperties>(
  refused: Readonly<Record<string, string>>,
  properties: Properties,
): TObject<Properties> {
  return Type.Object(properties, { "x-refused": refused });
}

/** Throws Invalid for what names no language; nothing is none. */
export function languageIn(input: string | null, name: string): string | null {
  const language = normaliseLanguage(input);
  if (language === null && input) throw new Invalid(`${name} must be a language code such as en or zh-TW`);
  return language;
}

export function idOf(input: string, name: string): bigint {
  return requireId(input, name);
}

export function optionalIdOf(input: string | undefined, name: string): bigint | null {
  return input === undefined || input === "" ? null : idOf(input, name);
}

export function idsOf(input: readonly string[] | undefined, name: string): bigint[] {
  return (input ?? []).map((value) => idOf(value, name));
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
