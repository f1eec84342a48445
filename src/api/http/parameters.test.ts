import Type from "typebox";
import { describe, expect, test } from "vitest";
import { choiceOf, clampedInput, IdInput, IdsInput, refusing } from "../input.ts";
import { parseQuery } from "./body-parsing.ts";
import { mergeParameters, readerOf } from "./parameters.ts";

const Everything = refusing(
  { poll: "Polls aren't supported" },
  {
    flag: Type.Optional(Type.Boolean()),
    text: Type.Optional(Type.String({ maxLength: 10 })),
    description: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    id: Type.Optional(IdInput),
    ids: Type.Optional(IdsInput),
    seconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
    limit: Type.Optional(clampedInput({ minimum: 1, maximum: 80 }, "How many")),
    visibility: Type.Optional(choiceOf(["public", "private"])),
    fields: Type.Optional(
      Type.Array(Type.Object({ name: Type.Optional(Type.String()), value: Type.Optional(Type.String()) }), {
        maxItems: 4,
      }),
    ),
    source: Type.Optional(
      refusing({ quote_policy: "No quotes" }, { sensitive: Type.Optional(Type.Boolean()) }),
    ),
  },
);
const read = readerOf(Everything);

const means = (sent: object, meant: object): [object, object] => [sent, meant];

describe("what a parameter means", () => {
  test.each<[object, object]>([
    // The documentation lists what is false; nothing is not given; all else is true.
    ...[false, 0, "0", "f", "F", "false", "FALSE", "off", "OFF"].map((flag) =>
      means({ flag }, { flag: false }),
    ),
    ...[true, 1, 2, "1", "t", "T", "true", "True", "on", "ON", "y", "no", "False", " "].map((flag) =>
      means({ flag }, { flag: true }),
    ),
    [{ flag: "" }, {}],
    [{ text: "" }, { text: "" }],
    [{ text: 5 }, { text: "5" }],
    [{ text: true }, { text: "true" }],
    [{ id: 7 }, { id: "7" }],
    [{ id: "0123" }, { id: "0123" }],
    [{ id: "" }, {}],
    [{ ids: "1" }, { ids: ["1"] }],
    [{ ids: 1 }, { ids: ["1"] }],
    [{ ids: [1, "2", "", null] }, { ids: ["1", "2"] }],
    [{ ids: { 0: "1", 1: "2" } }, { ids: ["1", "2"] }],
    [{ ids: [] }, { ids: [] }],
    [{ ids: "" }, {}],
    [{ seconds: "60" }, { seconds: 60 }],
    [{ seconds: "" }, {}],
    [{ visibility: "private" }, { visibility: "private" }],
    [{ visibility: "" }, {}],
    [{ fields: { name: "a" } }, { fields: [{ name: "a" }] }],
    [{ fields: { 0: { name: "a" }, 7: { name: "b" } } }, { fields: [{ name: "a" }, { name: "b" }] }],
    [{ source: { sensitive: "0" } }, { source: { sensitive: false } }],
    [{ source: "" }, {}],
    [{ unknown: "x" }, {}],
    [{ poll: null }, {}],
    [{ poll: "" }, {}],
    [{ poll: [] }, {}],
    [{ poll: false }, {}],
  ])("%j is %j", (sent, meant) => {
    expect(read(sent, "")).toEqual(meant);
  });

  test.each([
    ["0", 1],
    ["-5", 5],
    ["7", 7],
    ["1.9", 1],
    ["81", 80],
    ["20 or so", 20],
    [" 20", 20],
    ["9".repeat(500), 80],
    [-3, 3],
    ["many", undefined],
    ["Infinity", undefined],
    ["NaN", undefined],
    ["", undefined],
    [true, undefined],
  ])("a limit of %j is %j", (limit, meant) => {
    expect(read({ limit }, "")).toEqual(meant === undefined ? {} : { limit: meant });
  });

  test.each(Object.keys(Everything.properties))("null for %s is as not given, or what it says", (name) => {
    expect(read({ [name]: null }, "")).toEqual(name === "description" ? { description: null } : {});
  });

  test.each([
    [{ flag: ["true"] }, "flag must be true or false"],
    [{ flag: { a: 1 } }, "flag must be true or false"],
    [{ text: ["a", "b"] }, "text must be one text"],
    [{ text: { a: 1 } }, "text must be one text"],
    [{ text: "x".repeat(11) }, "text can have 10 characters at most"],
    [{ id: 2 ** 53 }, "id can't be read exactly as this number: send the id as text"],
    [{ id: 1.5 }, "id can't be read exactly as this number: send the id as text"],
    [{ id: ["1"] }, "id must be an id"],
    [{ ids: Array(10_000).fill("1") }, "ids can have 1000 entries at most"],
    [{ ids: [["1"]] }, "ids must be an id"],
    [{ seconds: -1 }, "seconds must be a whole number between 0 and 100"],
    [{ seconds: "1.5" }, "seconds must be a whole number between 0 and 100"],
    [{ seconds: "soon" }, "seconds must be a whole number between 0 and 100"],
    [{ limit: ["1"] }, "limit must be one number"],
    [{ visibility: "secret" }, "visibility must be one of public, private"],
    [{ visibility: ["private"] }, "visibility must be one text"],
    [{ fields: ["x"] }, "fields must be an object"],
    [{ source: "x" }, "source must be an object"],
    [{ poll: { options: ["a"] } }, "Polls aren't supported"],
    [{ source: { quote_policy: "public" } }, "No quotes"],
    [[], "The request must be an object"],
    [42, "The request must be an object"],
  ])("%j is refused: %s", (sent, sentence) => {
    expect(() => read(sent, "")).toThrow(expect.objectContaining({ message: sentence, httpStatus: 422 }));
  });

  test("what is required is needed, and nothing stands for it", () => {
    const search = readerOf(Type.Object({ id: IdInput }));
    for (const sent of [{}, { id: null }, { id: "" }]) expect(() => search(sent, "")).toThrow("id is needed");
  });

  test("a schema that would be promised and not kept ends the start", () => {
    expect(() => readerOf(Type.Object({ a: Type.Number() }))).toThrow("of the type number");
    expect(() => readerOf(Type.Object({ a: Type.String({ minLength: 1 }) }))).toThrow("minLength");
    expect(() => readerOf(Type.Union([Type.String(), Type.Boolean()]))).toThrow("several types");
  });
});

describe("forms", () => {
  test.each([
    ["a=1&b=2", { a: "1", b: "2" }],
    ["a[]=1&a[]=2", { a: ["1", "2"] }],
    ["a%5B%5D=1&a%5b%5d=2", { a: ["1", "2"] }],
    ["a[b][c]=1", { a: { b: { c: "1" } } }],
    [
      "f[][name]=site&f[][value]=a&f[][name]=pronouns&f[][value]=b",
      {
        f: [
          { name: "site", value: "a" },
          { name: "pronouns", value: "b" },
        ],
      },
    ],
    [
      "f%5B%5D%5Bname%5D=x&f%5B%5D%5Bname%5D=y&f%5B%5D%5Bvalue%5D=z",
      { f: [{ name: "x" }, { name: "y", value: "z" }] },
    ],
    ["m[][id]=1&m[][id]=2", { m: [{ id: "1" }, { id: "2" }] }],
    ["m[][ids][]=1&m[][ids][]=2&m[][id]=3", { m: [{ ids: ["1", "2"], id: "3" }] }],
    ["s[f][][n]=1&s[f][][n]=2", { s: { f: [{ n: "1" }, { n: "2" }] } }],
    ["f[0][name]=a&f[1][name]=b", { f: [{ name: "a" }, { name: "b" }] }],
    ["text=a%5B%5D%5Bb%5D%3D%26", { text: "a[][b]=&" }],
  ])("%s", (text, parsed) => {
    expect(parseQuery(text)).toEqual(parsed);
  });

  test.each([
    [`a${"[b]".repeat(50)}=1`, 422],
    [Array(10_000).fill("a[]=1").join("&"), 422],
    ["a=%ff", 400],
    ["a=%", 400],
  ])("%.40s… is refused", (text, httpStatus) => {
    expect(() => parseQuery(text)).toThrow(expect.objectContaining({ httpStatus }));
  });
});

test.each([
  [{ a: "1" }, { a: "2" }, { a: "2" }],
  [{ a: "1" }, { b: "2" }, { a: "1", b: "2" }],
  [{ a: "1" }, { a: null }, { a: "1" }],
  [{ a: "1" }, { a: "" }, { a: "1" }],
  [{}, { a: null }, { a: null }],
  [{ s: { a: "1", b: "1" } }, { s: { b: "2" } }, { s: { a: "1", b: "2" } }],
  [{ s: ["1"] }, { s: ["2"] }, { s: ["2"] }],
])("%j in the address and %j in the body are %j", (address, body, both) => {
  expect(mergeParameters(address, body)).toEqual(both);
});
