import { describe, expect, test } from "vitest";
import { tokenize } from "./tokens.ts";

const addressesIn = (text: string) =>
  tokenize(text).flatMap((token) => (token.kind === "url" ? [token.text] : []));

/** Titles in the way that these encyclopedias write them, with the marks of their languages. */
const ARTICLES: readonly [language: string, title: string][] = [
  ["af", "’n_Skerfie_vir_Hannes"],
  ["am", "ቅዱስ_ጊዮርጊስ_(ቤተ_ክርስቲያን)"],
  ["ar", "قائمة_الدول_(حسب_السكان)"],
  ["be", "Аб’ект"],
  ["bg", "„Свети_Александър_Невски“_(София)"],
  ["bn", "ডি._এন._এ."],
  ["bo", "བོད་སྐད་"],
  ["br", "C’hwil-derv"],
  ["ca", "Avinguda_del_Paral·lel"],
  ["cs", "Škoda_Auto–Kopřivnice"],
  ["da", "»Hvidsten«-gruppen"],
  ["de", "„Heroes“"],
  ["el", "Ελλάδα–Τουρκία"],
  ["en", "Israeli–Palestinian_conflict"],
  ["eo", "Ĉu_vi_parolas_Esperanton?oldid=1"],
  ["es", "¿Quién_quiere_ser_millonario?_(España)"],
  ["et", "Põhja-Läti_–_Lõuna-Eesti"],
  ["fa", "نرم‌افزار_آزاد"],
  ["fi", "”Hyvää_yötä”_(laulu)"],
  ["fr", "L’Équipe"],
  ["ga", "Contae_Dhún_na_nGall—Tír_Eoghain"],
  ["he", "צה״ל"],
  ["hi", "डॉ॰_भीमराव_आम्बेडकर"],
  ["hr", "Sveti_Ivan_Žabno–Bjelovar"],
  ["hu", "„Szent_István”_csatahajó"],
  ["hy", "Ի՞նչ_է_սա"],
  ["is", "„Lofsöngur“"],
  ["it", "Dell’amore_e_dell’odio"],
  ["ja", "ボブ・ディラン"],
  ["ka", "„ვეფხისტყაოსანი“"],
  ["km", "ភាសាខ្មែរ។_ប្រវត្តិ"],
  ["ko", "《삼국지》_(소설)"],
  ["lt", "Vilniaus–Kauno_geležinkelis"],
  ["ml", "മലയാള്\u200dം"],
  ["nl", "’s-Hertogenbosch"],
  ["no", "«Fram»_(skip)"],
  ["pl", "Bolesław_„Wieniawa”_Długoszowski"],
  ["pt", "Rio–Niterói_(ponte)"],
  ["ru", "«Война_и_мир»"],
  ["si", "ශ්\u200dරී_ලංකාව"],
  ["sv", "”Vår_man_i_Havanna”–film"],
  ["th", "กรุงเทพฯ_(แก้ความกำกวม)"],
  ["tr", "İstanbul’un_fethi"],
  ["uk", "Об’єднані_Нації"],
  ["vi", "Thành_phố_Hồ_Chí_Minh–Long_Thành"],
  ["zh", "《三体》"],
];

describe("articles of encyclopedias are linked whole", () => {
  test.each(ARTICLES)("%s: %s", (language, title) => {
    const address = `https://${language}.wikipedia.org/wiki/${title}`;
    for (const text of [address, `(${address})`, `${address}, `, `«${address}».`, `「${address}」。`])
      expect(addressesIn(text)).toEqual([address.replace(/\.$/, "")]);
  });
});

/** The address found is in ⟦ ⟧. */
const TABLE: readonly string[] = [
  "⟦https://example.com/?q=a–b&c=d⟧ and ⟦https://example.com/#Überblick–Details⟧",
  "⟦https://example.com/‘a’“b”«c»•d…e‐f‑g‰h§i¿j〜k⟧",
  // Marks at the end belong to the sentence.
  "see ⟦https://example.com/path⟧: nice",
  "**⟦https://example.com/a⟧** ~~⟦https://example.com/b⟧~~ `⟦https://example.com/c⟧`",
  ...[..."&~$@%,.;!?'*…–—·’"].map((mark) => `⟦https://example.com/a⟧${mark} b`),
  "⟦https://example.com/a_⟧ ⟦https://example.com/b-⟧ ⟦https://example.com/c+⟧ ⟦https://example.com/?d=⟧ ⟦https://example.com/#⟧",
  "⟦https://example.com/a⟧,⟦https://example.com/b⟧;⟦http://example.com/c⟧",
  "⟦https://web.example/2020/https://example.com/⟧ ⟦https://example.com/?to=http://a.example/,b⟧",
  // Clause marks of languages that put no space behind them.
  "看⟦https://example.com/path⟧，很好。见⟦https://example.com/a⟧。「⟦https://example.com/b⟧」、《⟦https://example.com/c⟧》！",
  "⟦https://example.com⟧。⟦https://example.com⟧です ⟦https://example.com⟧한국 ⟦https://example.com⟧ครับ ⟦https://example.com⟧👍",
  "‘⟦https://example.com/a⟧’是 “⟦https://example.com/b⟧”是",
  // Brackets and quotes.
  "(⟦https://example.com/a_(b_(c))⟧) [⟦https://example.com/[a]⟧] {⟦https://example.com/{a}⟧}",
  "⟦https://example.com/a⟧(b ⟦https://example.com/a⟧[b) ⟦https://example.com/a(b)c⟧).",
  "„⟦https://example.com/a⟧“und »⟦https://example.com/b⟧«und «⟦https://example.com/c⟧»et ”⟦https://example.com/d⟧”och",
  // Hosts.
  "⟦https://sub_domain.example.com/x⟧ ⟦https://a_b-c.example.com/⟧ ⟦https://paral·lel.cat/⟧ ⟦https://👍🏽.ws/⟧ ⟦https://❤️.ws⟧",
  "⟦https://[2001:db8::1]:8080/a⟧ ⟦http://192.0.2.1⟧ ⟦http://nas:5000/a⟧ ⟦http://localhost:3000/@alice⟧ ⟦https://bücher.example⟧",
  "http://www\\.google\\.com https://good.example\\.evil.example/ https://a.example@evil.example https://a:80@evil.example",
  "https://a_b.com https://-a.com https://a-.com https://. https://⟦http://a.b⟧",
  "⟦https://example.com⟧:a ⟦https://example.com:443⟧. ⟦https://example.com⟧:123456",
  // What shows nothing, or turns the direction.
  ...["\u200b", "\ufeff", "\u200e", "\u200f", "\u202e", "\u2066", "\u2060", "\u00ad"].flatMap((mark) => [
    `⟦https://example.com/a⟧${mark}b`,
    `⟦https://example.com⟧${mark}b`,
  ]),
  // Other schemes.
  "⟦xmpp:alice@example.com⟧, ⟦xmpp:room@muc.example.com/nick?join⟧ ⟦xmpp:example.com⟧ xmpp:later xmpp: a",
  "⟦magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&dn=a⟧. magnet: magnet:?",
  "⟦gemini://example.com/a⟧ ⟦gopher://example.com⟧ ⟦ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/a⟧",
  "⟦ipns://docs.example⟧ ⟦dat://a.example/⟧ ⟦dweb://a.example⟧ ⟦ssb://a.example⟧ ⟦HTTPS://Example.COM/A⟧",
  "javascript:alert(1) data:text/html,x ftp://example.com mailto:a@example.com file:///etc/passwd vbscript:x",
  // Behind a tag that would take the scheme for its end.
  "#タグ⟦https://example.com/⟧ #hashtag⟦https://example.com/⟧ #https://example.com/ $https://example.com xhttps://example.com",
];

test.each(TABLE)("%s", (row) => {
  const found = [...row.matchAll(/⟦(.*?)⟧/gsu)].map((match) => match[1]);
  expect(addressesIn(row.replace(/[⟦⟧]/gu, ""))).toEqual(found);
});

test("what is too long for an address is none, nor is a part of it", () => {
  const long = `https://example.com/${"a".repeat(2_100)}/https://example.com/#tag`;
  expect(tokenize(`${long} #b`).map(({ kind }) => kind)).toEqual(["text", "tag"]);
});
