import fc from "fast-check";
import sanitizeHtml from "sanitize-html";
import { describe, expect, test } from "vitest";
import { Invalid } from "../core/errors.ts";
import { countCharacters } from "./text/tokens.ts";
import { cleanInput, isBlank, parseText, type RenderContext, renderContent, renderField } from "./text.ts";

const context: RenderContext = {
  mentions: new Map([["alice", { id: 1n, username: "Alice", url: "http://localhost:3000/@Alice" }]]),
  ownHost: "localhost:3000",
  baseUrl: "http://localhost:3000",
};
const ALICE =
  '<span class="h-card" translate="no"><a href="http://localhost:3000/@Alice" class="u-url mention">@<span>Alice</span></a></span>';

/** The HTML in shorthand: [url], {@name}, {#tag}; the rest as it shows. */
function shorthand(text: string): string {
  return renderContent(text, context)
    .replace(/<span class="h-card"[^>]*><a[^>]*>@<span>(.*?)<\/span><\/a><\/span>/g, "{@$1}")
    .replace(/<a href="[^"]*" class="mention hashtag" rel="tag">#<span>(.*?)<\/span><\/a>/g, "{#$1}")
    .replace(/<a href="([^"]*)" target.*?<\/a>/g, "[$1]")
    .replace(/^<p>|<\/p>$/g, "");
}

describe("renderContent writes Mastodon's markup", () => {
  test.each([
    ["", ""],
    ["\n \n", ""],
    ["text", "<p>text</p>"],
    ["a\nb", "<p>a<br />b</p>"],
    ["a\n\nb", "<p>a</p><p>b</p>"],
    ["\na\n\n \n\nb\n", "<p>a</p><p>b</p>"],
    ["<b>&\"'", "<p>&lt;b&gt;&amp;\"'</p>"],
    ["&lt;", "<p>&amp;lt;</p>"],
    ["@alice", `<p>${ALICE}</p>`],
    [
      "#Roost",
      '<p><a href="http://localhost:3000/tags/roost" class="mention hashtag" rel="tag">#<span>Roost</span></a></p>',
    ],
    [
      "https://www.example.com/a?b=1&c=2",
      '<p><a href="https://www.example.com/a?b=1&amp;c=2" target="_blank" rel="nofollow noopener" translate="no">' +
        '<span class="invisible">https://www.</span><span>example.com/a?b=1&amp;c=2</span><span class="invisible"></span></a></p>',
    ],
    [
      "http://example.com/2345678901234567890",
      '<p><a href="http://example.com/2345678901234567890" target="_blank" rel="nofollow noopener" translate="no">' +
        '<span class="invisible">http://</span><span class="ellipsis">example.com/234567890123456789</span>' +
        '<span class="invisible">0</span></a></p>',
    ],
  ])("%j", (text, html) => {
    expect(renderContent(text, context)).toBe(html);
  });
});

test.each([
  ["", ""],
  ["a < b", "a &lt; b"],
  [" a\n\n b ", "a b"],
  ["<script>alert(1)</script> @alice", `&lt;script&gt;alert(1)&lt;/script&gt; ${ALICE}`],
])("the value of a field, %j, is one line without a paragraph", (text, html) => {
  expect(renderField(text, context)).toBe(html);
});

describe("links", () => {
  test.each([
    ["see https://example.com.", "see [https://example.com]."],
    ["https://example.com/a, b", "[https://example.com/a], b"],
    ["(https://example.com/a)", "([https://example.com/a])"],
    ["https://example.com/a_(b)", "[https://example.com/a_(b)]"],
    ["https://example.com/?q=a!", "[https://example.com/?q=a]!"],
    ["<https://example.com/>", "&lt;[https://example.com/]&gt;"],
    ['"https://example.com/"', '"[https://example.com/]"'],
    ["HTTPS://Example.COM/A", "[HTTPS://Example.COM/A]"],
    ["http://localhost:3000/@alice", "[http://localhost:3000/@alice]"],
    ["http://127.0.0.1:80/a http://[::1]/", "[http://127.0.0.1:80/a] [http://[::1]/]"],
    ["https://例え.jp/x", "[https://例え.jp/x]"],
    ["https://ja.example.org/日本", "[https://ja.example.org/日本]"],
    // Japanese has no spaces around addresses.
    ["「https://example.com/」。", "「[https://example.com/]」。"],
    ["詳細はhttps://example.com/", "詳細は[https://example.com/]"],
    ["https://example.comです", "[https://example.com]です"],
    ["https://www.日本.jp", "[https://www.日本.jp]"],
    // Inside an address nothing else is found.
    ["https://example.com/@alice#tag", "[https://example.com/@alice#tag]"],
    ["https://example.com/#tag", "[https://example.com/#tag]"],
    // What isn't one.
    ["example.com www.example.com", "example.com www.example.com"],
    ["xhttps://example.com", "xhttps://example.com"],
    ["ftp://example.com //example.com", "ftp://example.com //example.com"],
    ["javascript:alert(1) data:text/html,x", "javascript:alert(1) data:text/html,x"],
    ["https:// http:///x", "https:// http:///x"],
    // A name before the host makes it look like another host.
    ["https://bank.example@evil.example/", "https://bank.example@evil.example/"],
    ["https://u:p@example.com", "https://u:p@example.com"],
    // A mark that turns direction would show the address backwards.
    ["https://example.com/\u202emoc", "[https://example.com/]\u202emoc"],
  ])("%j", (text, expected) => expect(shorthand(text)).toBe(expected));
});

describe("mentions", () => {
  test.each([
    ["@ALICE!", "{@Alice}!"],
    [".@alice (@alice) @alice's", ".{@Alice} ({@Alice}) {@Alice}'s"],
    ["@alice. @alice- @alice", "{@Alice}. {@Alice}- {@Alice}"],
    ["@aliceさん", "{@Alice}さん"],
    ["@alice@localhost:3000.", "{@Alice}."],
    ["@alice@LOCALHOST", "{@Alice}"],
    ["@alice@other.example @bob", "@alice@other.example @bob"],
    ["@alice@localhost.example", "@alice@localhost.example"],
    ["@alice.example @alicé @alice_", "@alice.example @alicé @alice_"],
    ["alice@example.com a@alice é@alice /@alice =@alice @@alice", null],
    ["❤️@alice 1️⃣@alice", "❤️{@Alice} 1️⃣{@Alice}"],
    ["@ alice @", null],
  ])("%j", (text, expected) => expect(shorthand(text)).toBe(expected ?? text));

  test("are found once, lower-case, in order, and only of this server", () => {
    expect(
      parseText("@Bob @alice@localhost:3000 @bob @carol@else.example @dan_1@localhost", "localhost:3000"),
    ).toEqual({
      mentions: ["bob", "alice", "dan_1"],
      tags: [],
    });
  });
});

describe("hashtags", () => {
  test.each([
    ["#a, #b. #c!", "{#a}, {#b}. {#c}!"],
    ["(#a) ##b #c's", "({#a}) #{#b} {#c}'s"],
    ["#a#b", "{#a}#b"],
    ["#3d #l33t #world2026 #_a #a_ #a_b", "{#3d} {#l33t} {#world2026} {#_a} {#a_} {#a_b}"],
    ["#日本語タグ、#한국어 #é #नमस्ते", "{#日本語タグ}、{#한국어} {#é} {#नमस्ते}"],
    ["＃全角", "{#全角}"],
    ["#ａｅｓｔｈｅｔｉｃ", "{#ａｅｓｔｈｅｔｉｃ}"],
    ["#one·two·three· #one・two", "{#one·two·three}· {#one・two}"],
    ["#نرم\u200cافزار", "{#نرم\u200cافزار}"],
    ["#a-b", "{#a}-b"],
    ["❤️#love ✌️#b ℹ️#c 1️⃣#d 👍🏽#e", "❤️{#love} ✌️{#b} ℹ️{#c} 1️⃣{#d} 👍🏽{#e}"],
    ["#️⃣ of people #\u0301a #1️⃣ 葛󠄀#a e\u0323#a", null],
    ["#a❤️ #ℹ️", "{#a}❤️ {#ℹ}\ufe0f"],
    ["#タグhttps://example.com/", "{#タグ}[https://example.com/]"],
    ["#hashtaghttps:// #hashtaghttps", "{#hashtag}https:// {#hashtaghttps}"],
    ["#ශ්\u200dරීලංකා #क्\u200dषत्रिय #മലയാള്\u200d", "{#ශ්\u200dරීලංකා} {#क्\u200dषत्रिय} {#മലയാള്\u200d}"],
    ["#a\u200d #a\u200c", "{#a}\u200d {#a}\u200c"],
    ["#צה״ל #וכו׳ #עַל־יְדֵי #メ〜テレ〜 #བོད་སྐད་", "{#צה״ל} {#וכו׳} {#עַל־יְדֵי} {#メ〜テレ}〜 {#བོད་སྐད་}"],
    ["#123 #_ #·a # #! #🎉", null],
    ["a#b =#b /#b )#b &#b é#b", null],
    [`#${"a".repeat(201)}`, null],
  ])("%j", (text, expected) => expect(shorthand(text)).toBe((expected ?? text).replaceAll("&", "&amp;")));

  test("are found once, as first written", () => {
    expect(
      parseText("#Roost #roost #ÉTÉ #été #ete #Straße #STRASSE #ｆｏｏ #foo https://a.example/#c", "x").tags,
    ).toEqual(["Roost", "ÉTÉ", "Straße", "STRASSE", "ｆｏｏ"]);
  });
});

test.each(["", " \n", "\u200b", "\u202e", "\u2800", "\u3164", "\u00ad\u2060\ufeff", "\ufe0f"])(
  "%j shows nothing",
  (text) => expect(isBlank(text)).toBe(true),
);

test.each(["a", "\u0301", "\u202e.", "\u0600", "👍", "\u2801"])("%j shows something", (text) =>
  expect(isBlank(text)).toBe(false),
);

test.each([
  ["", 0],
  ["abc\n", 4],
  ["é👨‍👩‍👧‍👦🇩🇪e\u0301", 4],
  ["https://example.com/a/very/long/path/that/goes/on/and/on", 23],
  ["http://a.b", 23],
  ["@alice@some.other.example", 6],
  ["日本 https://a.b @alice@b.c", 33],
])("countCharacters(%j) is %i", (text, count) => expect(countCharacters(text)).toBe(count));

describe("cleanInput", () => {
  test.each([
    ["a\r\nb\rc\td", "a\nb\nc\td"],
    ["a\u0001\u0007\u007f\u0085b", "ab"],
    ["e\u0301", "é"],
    ["مرحبا \u202bא\u202c", "مرحبا \u202bא\u202c"],
  ])("%j", (text, cleaned) => expect(cleanInput(text)).toBe(cleaned));

  test("keeps 30 marks on a letter", () => {
    expect(cleanInput(`x${"\u0323".repeat(5_000)}yy\u0323`)).toBe(`x${"\u0323".repeat(30)}yỵ`);
  });

  test("refuses what isn't text", () => {
    expect(() => cleanInput("a\0")).toThrow(Invalid);
    expect(() => cleanInput("\ud800a")).toThrow(Invalid);
  });

  test("composes a megabyte of accents without stopping the server", () => {
    // 160 s when all of them are put in order: regression.
    expect(bestCpuMs(() => cleanInput(`a${"\u0301\u0323".repeat(250_000)}`))).toBeLessThan(500);
  });
});

describe("whatever is written", () => {
  const runs = { numRuns: 500 };
  const piece = fc.oneof(
    fc.constantFrom(
      ..."@ # < > & \" ' ( ) [ ] / : . , ; \n - _ · ＃ \u202e \u200c です é 👍 &lt; &#60; <!-- ]]> \\".split(
        " ",
      ),
      "@alice",
      "@alice@localhost",
      "#tag",
      "http://",
      "https://example.com/",
      "javascript:alert(1)",
      "mailto:",
      "xmpp:a@b.c",
      "magnet:?a",
      "gemini://a.b",
      "<script>",
      "<a href='javascript:x'>",
      "</p>",
      '" onclick="x',
      "\n\n",
      " ",
    ),
    fc.string({ unit: "grapheme", maxLength: 8 }),
    fc.string({ unit: "binary", maxLength: 4 }),
  );
  const text = fc
    .array(piece, { maxLength: 30 })
    .map((pieces) => pieces.join("").replaceAll("\0", "").toWellFormed());

  test("only our tags and attributes come out, closed and nested, and no other scheme", () => {
    fc.assert(
      fc.property(text, (input) => {
        const html = renderContent(cleanInput(input), context);
        const open: string[] = [];
        for (const [tag, closing, name = "", attributes = ""] of html.matchAll(/<(\/?)([a-z]*)([^>]*)>/g)) {
          if (tag === "<br />") continue;
          expect(["p", "a", "span"]).toContain(name);
          if (closing) expect(open.pop()).toBe(name);
          else open.push(name);
          expect(attributes).toMatch(/^( (href|target|rel|class|translate)="[^"<>]*")*$/);
          const href = / href="([^"]*)"/.exec(attributes)?.[1];
          if (href !== undefined) expect(href).toMatch(/^(https?|gemini|xmpp|magnet):/i);
        }
        expect(open).toEqual([]);
        expect(html.replace(/<(\/?(p|a|span)\b[^>]*|br \/)>/g, "")).not.toMatch(/[<>]/);
      }),
      runs,
    );
  });

  test("the sanitiser would change nothing, not even where it isn't asked: in text alone", () => {
    const sanitize = (html: string) =>
      sanitizeHtml(html, {
        allowedTags: ["p", "br", "a", "span"],
        allowedAttributes: false,
        allowedSchemes: ["http", "https", "gemini", "xmpp", "magnet"],
        disallowedTagsMode: "escape",
      });
    fc.assert(
      fc.property(text, (input) => {
        const html = renderContent(cleanInput(input), context);
        expect(sanitize(html)).toBe(html);
      }),
      runs,
    );
  });

  test("everything written shows, and nothing else", () => {
    const others = { ...context, mentions: new Map() };
    fc.assert(
      fc.property(text, (input) => {
        const cleaned = cleanInput(input);
        const shown = renderContent(cleaned, others)
          .replace(/<[^>]*>/g, "")
          .replaceAll("&lt;", "<")
          .replaceAll("&gt;", ">")
          .replaceAll("&quot;", '"')
          .replaceAll("&amp;", "&");
        const bare = (part: string) => part.replace(/[ \t\n]/g, "").replaceAll("＃", "#");
        expect(bare(shown)).toBe(bare(cleaned));
      }),
      runs,
    );
  });

  test("cleaning twice is cleaning once, and every name found is one that links", () => {
    fc.assert(
      fc.property(text, (input) => {
        const cleaned = cleanInput(input);
        expect(cleanInput(cleaned)).toBe(cleaned);
        const html = renderContent(cleaned, context);
        const { mentions, tags } = parseText(cleaned, context.ownHost);
        expect(html.includes('class="u-url mention"')).toBe(mentions.includes("alice"));
        expect(html.includes('class="mention hashtag"')).toBe(tags.length > 0);
      }),
      runs,
    );
  });
});

describe("ten kilobytes of it take no time", () => {
  const starts = [
    "",
    "http://",
    "http://a.b/",
    "http://a.b/(",
    "xmpp:",
    "magnet:?",
    "http://a@",
    "https://a.b/?q=",
    "@a",
    "#a",
  ];
  const repeated = [
    ..."@ # ( [ { < & _ - . · / ' ? é 日 😀 \u0301 \u200c".split(" "),
    "\n",
    "\n ",
    "@a",
    "@a@b",
    "@a.",
    "#a",
    "#a·",
    "http://",
    "http://http://",
    "http://a@",
    "((a)",
    "a.",
    "a_",
    "«",
    "“a",
    ",https://",
    ",https://a.b/",
    "/xmpp:a",
    "#\u0301",
    "([{",
    "&lt;",
  ];
  test.each(repeated)("%j", (unit) => {
    for (const start of starts) {
      const costMs = (length: number) => {
        const input = start + unit.repeat(Math.ceil(length / unit.length));
        return bestCpuMs(() => {
          renderContent(input, context);
          parseText(input, "x");
          countCharacters(input);
        });
      };
      const wholeMs = costMs(10_000);
      // On a slow machine it's the growth that tells: twice the text takes about twice as long, not four times.
      if (wholeMs >= 50) expect(wholeMs / costMs(5_000), start).toBeLessThan(3);
    }
  });
});

/** Of this thread, so that what else runs on the machine hardly counts; the best of five, unless it takes little. */
function bestCpuMs(run: () => unknown): number {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 5 && bestMs >= 50; tries++) {
    const before = process.threadCpuUsage();
    run();
    const { user, system } = process.threadCpuUsage(before);
    bestMs = Math.min(bestMs, (user + system) / 1_000);
  }
  return bestMs;
}
