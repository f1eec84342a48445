import { describe, expect, test } from "vitest";
import { MAX_ID, makeId } from "../core/ids.ts";
import { parseStatusQuery } from "./status-query.ts";
import { phraseText } from "./words.ts";

const at = (date: string) => makeId(Date.parse(date), 0, 0);

function shown(text: string) {
  const query = parseStatusQuery(text);
  if (!query) return null;
  const sign = ({ isNegated }: { isNegated: boolean }) => (isNegated ? "-" : "");
  return [
    ...query.phrases.map((one) => sign(one) + phraseText(one.phrase)),
    ...query.marks.map((one) => sign(one) + one.mark),
    ...query.from.map((one) => `${sign(one)}from ${one.name}`),
  ].join(" ");
}

describe("what is asked for", () => {
  test.each<[text: string, asked: string | null]>([
    ["Quick fox", "('quick':*) ('fox':*)"],
    ['"Quick fox"', "('quick' <1> 'fox')"],
    ['-"quick fox" x', "-('quick' <1> 'fox') ('x':*)"],
    ["„quick fox“", "('quick' <1> 'fox')"],
    ['"not closed', "('not' <1> 'closed')"],
    ["+must", "('must':*)"],
    ["-not", "-('not':*)"],
    ["e-mail", "('e' <1> 'mail':*)"],
    ["from:Ada x", "('x':*) from ada"],
    ["-from:@ada@here.example", "-from @ada@here.example"],
    ["FROM:me", "from me"],
    ["has:media -has:link", "=has:media -=has:link"],
    ["has:embed", "=has:link"],
    ["is:reply is:sensitive", "=is:reply =is:sensitive"],
    ["language:pt-BR", "=language:pt-br"],
    ["in:public", "=public"],
    ["in:all", ""],
    ["foo:bar", "('foo' <1> 'bar':*)"],
    ["has:cheese", "('has' <1> 'cheese':*)"],
    ["in:library", "('in' <1> 'library':*)"],
    ["from: x", "('from':*) ('x':*)"],
    ["before:yesterday", "('before' <1> 'yesterday':*)"],
    ["before:2025-02-30", "('before' <1> '2025' <1> '02' <1> '30':*)"],
    ["https://example.org/a", "('https' <1> 'example' <1> 'org' <1> 'a':*)"],
    ["", null],
    ["...", null],
    ['""', null],
  ])("%s", (text, asked) => expect(shown(text)).toBe(asked));
});

describe("dates are days, months or years in UTC", () => {
  test.each<[text: string, from: bigint, below: bigint]>([
    ["before:2025-03-01", 0n, at("2025-03-01")],
    ["after:2025-03-01", at("2025-03-02"), MAX_ID],
    ["during:2025-03-01", at("2025-03-01"), at("2025-03-02")],
    ["during:2024-12", at("2024-12-01"), at("2025-01-01")],
    ["during:2024", at("2024-01-01"), at("2025-01-01")],
    ["after:2023-12-31 before:2024-02", at("2024-01-01"), at("2024-02-01")],
    ["-before:2025", at("2025-01-01"), MAX_ID],
    ["-after:2025", 0n, at("2026-01-01")],
    ["before:1999", 0n, 0n],
    ["after:9998", MAX_ID, MAX_ID],
  ])("%s", (text, from, below) => expect(parseStatusQuery(text)?.range).toEqual({ from, below }));
});
