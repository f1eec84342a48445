/** What twitter-text's conformance suite finds in texts, found here too, but where a reason says otherwise. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { cleanInput } from "../text.ts";
import { tokenize } from "./tokens.ts";

type Row = readonly [text: string, found: string[], foundHere?: string[], reason?: string];

const suite = parse(readFileSync(new URL("./twitter-text.yaml", import.meta.url), "utf8")) as {
  readonly reasons: Readonly<Record<string, string>>;
  readonly addresses: readonly Row[];
  readonly hashtags: readonly Row[];
};

function foundIn(text: string, kind: "addresses" | "hashtags"): string[] {
  return tokenize(cleanInput(text)).flatMap((token) => {
    if (kind === "addresses") return token.kind === "url" ? [token.text] : [];
    return token.kind === "tag" ? [token.name] : [];
  });
}

describe.each(["addresses", "hashtags"] as const)("%s", (kind) => {
  test.each(suite[kind].map((row) => ({ text: row[0], row })))("in $text", ({ row }) => {
    const [text, found, foundHere] = row;
    const composed = (foundHere ?? found).map((name) => name.normalize("NFC"));
    expect(foundIn(text, kind)).toEqual(composed);
  });

  test("are other ones for a reason only", () => {
    const others = suite[kind].filter((row) => row.length > 2);
    for (const [text, found, foundHere, reason = ""] of others) {
      expect(foundHere, text).not.toEqual(found);
      expect(suite.reasons[reason], text).toMatch(/\w/);
    }
  });
});
