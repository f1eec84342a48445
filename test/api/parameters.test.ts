/**
 * Every operation of the OpenAPI document, and every parameter of each: whatever way it is sent, its route gets the
 * same; and what is wrong is refused. The routes are our own server's, each with a handler that says what it was given.
 */
import Fastify, { type FastifyInstance, type HTTPMethods } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answerError } from "../../src/api/errors.ts";
import { acceptBodies, checkQuery, parseRouterQuery } from "../../src/api/http/body-parsing.ts";
import { compileValidator } from "../../src/api/http/compile-schemas.ts";
import {
  type Asked,
  type Document,
  nameOf,
  nest,
  operationsOf,
  type Place,
  placesOf,
  type Sent,
  WAYS,
} from "../support/operations.ts";
import { startRoost } from "../support/start-roost.ts";

// Test names come first: the document is fetched before they are made.
const document = await (async () => {
  await using roost = await startRoost();
  return (await (await fetch(`${roost.url}/api/openapi.json`)).json()) as Document;
})();
const operations = operationsOf(document).filter(({ schema }) => placesOf(schema).length > 0);

let echo: FastifyInstance;
beforeAll(async () => {
  echo = Fastify({ routerOptions: { querystringParser: parseRouterQuery } });
  echo.setValidatorCompiler(compileValidator).setErrorHandler(answerError);
  echo.addHook("onRequest", checkQuery);
  await acceptBodies(echo);
  for (const { method, path, schema } of operations) {
    echo.route({
      method: method as HTTPMethods,
      url: path.replace(/\{(\w+)\}/g, ":$1"),
      schema: method === "GET" ? { querystring: schema } : { body: schema },
      handler: async (request) => (method === "GET" ? request.query : request.body),
    });
  }
});
afterAll(() => echo?.close());

async function given({ method, path }: Asked, sent: Sent): Promise<{ status: number; body: unknown }> {
  const answer = await echo.inject({
    method: method as "POST",
    url: `${path.replace(/\{\w+\}/g, "1")}${sent.query ? `?${sent.query}` : ""}`,
    ...(sent.body === undefined ? {} : { payload: sent.body }),
    ...(sent.type ? { headers: { "content-type": sent.type } } : {}),
  });
  return { status: answer.statusCode, body: answer.json() };
}

const inJson = (body: unknown): Sent => ({
  body: typeof body === "string" ? body : JSON.stringify(body),
  type: "application/json",
});

/** What must be there besides the parameter that is looked at. */
function needed(
  { schema: { required = [] } }: Asked,
  { at: [first = ""] }: Pick<Place, "at">,
): [string, string][] {
  return required.filter((name) => name !== first).map((name) => [name, "1"]);
}

/** In each way: the parameter as texts, and what its route must get; undefined is nothing. */
async function expectMeaning(
  asked: Asked,
  place: Place,
  names: [string, string][],
  meant: unknown,
): Promise<void> {
  const others = needed(asked, place);
  const expected = {
    ...Object.fromEntries(others),
    ...(meant === undefined ? onlyOuter(place) : nest(place.at, meant)),
  };
  for (const [way, send] of Object.entries(WAYS)) {
    if (asked.method === "GET" && way !== "address") continue;
    const got = await given(asked, await send([...others, ...names]));
    expect(got, `${nameOf(place.at)} as ${JSON.stringify(names)} by ${way}`).toEqual({
      status: 200,
      body: expected,
    });
  }
}

/** Of a nested parameter that isn't given, what it would be in. */
function onlyOuter({ at }: Place): Record<string, unknown> {
  return at.length === 1 ? {} : nest(at.slice(0, -1), {});
}

async function expectJson(asked: Asked, place: Place, json: string, meant: unknown): Promise<void> {
  if (asked.method === "GET") return;
  const others = Object.fromEntries(needed(asked, place));
  const mark = "here it goes";
  const body = JSON.stringify({ ...others, ...nest(place.at, mark) }).replace(`"${mark}"`, json);
  expect(await given(asked, inJson(body)), `${nameOf(place.at)} as JSON ${json}`).toEqual({
    status: 200,
    body: { ...others, ...(meant === undefined ? onlyOuter(place) : nest(place.at, meant)) },
  });
}

async function expectRefusal(asked: Asked, place: Place, sent: Sent): Promise<void> {
  const got = await given(asked, sent);
  expect(got.status, `${nameOf(place.at)} as ${JSON.stringify(sent).slice(0, 200)}`).toBe(422);
  expect(got.body).toEqual({ error: expect.stringMatching(/\w{3}/) });
}

/** Larger than a JavaScript number holds, and smaller than 2^63. */
const LONG_ID = "1576874773056806915";

/** What each type of parameter means, on whatever route. */
const RULES: Readonly<Record<string, (asked: Asked, place: Place) => Promise<void>>> = {
  boolean: async (asked, place) => {
    const name = nameOf(place.at);
    for (const text of ["0", "f", "F", "false", "FALSE", "off", "OFF"])
      await expectMeaning(asked, place, [[name, text]], false);
    for (const text of ["1", "t", "T", "true", "True", "on", "ON", "y", "no"])
      await expectMeaning(asked, place, [[name, text]], true);
    await expectMeaning(asked, place, [[name, ""]], undefined);
    for (const [json, meant] of [
      ["false", false],
      ["0", false],
      ["true", true],
      ["1", true],
    ] as const)
      await expectJson(asked, place, json, meant);
  },
  id: async (asked, place) => {
    for (const id of ["1", LONG_ID]) {
      await expectMeaning(asked, place, [[nameOf(place.at), id]], id);
      await expectJson(asked, place, id, id);
      await expectJson(asked, place, `"${id}"`, id);
    }
    await expectMeaning(asked, place, [[nameOf(place.at), "9".repeat(30)]], "9".repeat(30));
    if (asked.method !== "GET") await expectRefusal(asked, place, inJson(nest(place.at, 1.5)));
  },
  clamped: async (asked, place) => {
    const { minimum = 0, maximum = 0 } = place.schema;
    const name = nameOf(place.at);
    for (const [text, meant] of [
      ["0", minimum],
      ["-1", 1],
      ["1.5", 1],
      ["9".repeat(20), maximum],
      ["9".repeat(400), maximum],
      ["Infinity", undefined],
      ["many", undefined],
      ["", undefined],
    ] as const)
      await expectMeaning(asked, place, [[name, text]], meant);
  },
  integer: async (asked, place) => {
    const name = nameOf(place.at);
    await expectMeaning(asked, place, [[name, "1"]], 1);
    await expectMeaning(asked, place, [[name, ""]], undefined);
    await expectJson(asked, place, "1", 1);
    for (const text of ["-1", "1.5", "Infinity", "soon", "9".repeat(30)])
      await expectRefusal(asked, place, { query: `${name}=${text}` });
  },
  text: async (asked, place) => {
    const name = nameOf(place.at);
    const [text = "ünïcödé +&=[]"] = place.schema.enum ?? [];
    await expectMeaning(asked, place, [[name, text]], text);
    await expectJson(asked, place, JSON.stringify(text), text);
    if (place.schema.enum) await expectRefusal(asked, place, { query: `${name}=secret` });
    await expectRefusal(asked, place, { query: `${name}=a&${name}=b` });
  },
  list: async (asked, place) => {
    const name = nameOf(place.at);
    await expectMeaning(asked, place, [[name, "1"]], ["1"]);
    await expectMeaning(
      asked,
      place,
      [
        [`${name}[]`, "1"],
        [`${name}[]`, LONG_ID],
      ],
      ["1", LONG_ID],
    );
    await expectMeaning(
      asked,
      place,
      [
        [`${name}[0]`, "1"],
        [`${name}[1]`, "2"],
      ],
      ["1", "2"],
    );
    await expectJson(asked, place, '["1","2"]', ["1", "2"]);
    await expectJson(asked, place, `[1,${LONG_ID}]`, ["1", LONG_ID]);
    await expectRefusal(asked, place, { query: Array(10_000).fill(`${name}[]=1`).join("&") });
    if (asked.method !== "GET")
      await expectRefusal(asked, place, inJson(nest(place.at, Array(10_000).fill("1"))));
  },
  objects: async (asked, place) => {
    const list = nameOf(place.at);
    const [key = ""] = Object.keys(place.schema.items?.properties ?? {});
    const meant = [{ [key]: "1" }, { [key]: "2" }];
    await expectMeaning(
      asked,
      place,
      [
        [`${list}[][${key}]`, "1"],
        [`${list}[][${key}]`, "2"],
      ],
      meant,
    );
    await expectMeaning(
      asked,
      place,
      [
        [`${list}[0][${key}]`, "1"],
        [`${list}[1][${key}]`, "2"],
      ],
      meant,
    );
    await expectJson(asked, place, JSON.stringify(meant), meant);
    await expectJson(asked, place, JSON.stringify({ ...meant }), meant);
    await expectRefusal(asked, place, inJson(nest(place.at, Array(10_000).fill(meant[0]))));
  },
  object: async (asked, place) => {
    await expectMeaning(asked, place, [[nameOf(place.at), ""]], undefined);
    await expectRefusal(asked, place, { query: `${nameOf(place.at)}=x` });
  },
  file: async (asked, place) => {
    await expectRefusal(asked, place, { query: `${nameOf(place.at)}=x` });
  },
};

function kindOf({ type, format, items, "x-clamped": isClamped }: Place["schema"]): string {
  if (type === "array") return items?.type === "object" ? "objects" : "list";
  if (type === "string") return format === "id" ? "id" : format === "binary" ? "file" : "text";
  return isClamped ? "clamped" : (type ?? "");
}

test("the document names every operation and what it takes", () => {
  expect(operations.length).toBeGreaterThan(40);
  expect(operations.flatMap(({ schema }) => placesOf(schema)).length).toBeGreaterThan(150);
});

describe.each(operations.map((asked) => [`${asked.method} ${asked.path}`, asked] as const))(
  "%s",
  (_, asked) => {
    const places = placesOf(asked.schema);

    test.each(places.map((place) => [nameOf(place.at), kindOf(place.schema), place] as const))(
      "%s, a parameter of the kind %s, means the same by whatever way",
      async (name, kind, place) => {
        const rule = RULES[kind];
        if (!rule) throw new Error(`no rule says what a parameter of the kind ${kind} means`);
        await rule(asked, place);
        await expectJson(asked, place, "null", place.isNullable ? null : undefined);
        // Fifty levels deep it is no parameter of any route.
        await expectRefusal(asked, place, { query: `${name}${"[a]".repeat(50)}=1` });
      },
    );

    test.skipIf(asked.method === "GET")("the body wins over the address, and adds to it", async () => {
      const [first, second] = places.filter(({ at, schema }) => at.length === 1 && kindOf(schema) === "text");
      if (!first) return;
      const [value = "1"] = first.schema.enum ?? [];
      const others = Object.fromEntries(needed(asked, first));
      const address = { [nameOf(first.at)]: first.schema.enum?.[1] ?? "2", ...others };
      const body = { [nameOf(first.at)]: value };
      const query = { ...address, ...(second && !second.schema.enum ? { [nameOf(second.at)]: "3" } : {}) };
      const got = await given(asked, { query: `${new URLSearchParams(query)}`, ...inJson(body) });
      expect(got).toEqual({ status: 200, body: { ...query, ...body } });
    });

    const refused = asked.schema["x-refused"] ?? {};
    test.skipIf(Object.keys(refused).length === 0)(
      "what can't be honoured is refused, unless it asks for nothing",
      async () => {
        const others = Object.fromEntries(needed(asked, { at: [] }));
        for (const [name, sentence] of Object.entries(refused)) {
          for (const sent of [{ query: `${name}=1` }, { query: `${name}[]=1` }, inJson({ [name]: { a: 1 } })])
            expect(await given(asked, sent), name).toEqual({ status: 422, body: { error: sentence } });
          for (const nothing of [null, "", []])
            expect(await given(asked, inJson({ ...others, [name]: nothing }))).toEqual({
              status: 200,
              body: others,
            });
        }
      },
    );
  },
);
