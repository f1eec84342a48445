import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SignedUp, signUp } from "../support/client.ts";
import { front, openPage } from "./browser.ts";
import { openHome, press, type Stage, setStage } from "./stage.ts";

interface Picture {
  readonly naturalWidth: number;
}

let stage: Stage;
let roost: Stage["roost"];
let browser: Stage["browser"];
let author: Stage["author"];
let reader: Stage["reader"];

beforeAll(async () => {
  stage = await setStage();
  ({ roost, browser, author, reader } = stage);
});

afterAll(() => stage?.[Symbol.asyncDispose]());

describe("when something is refused", () => {
  test("a favourite is taken back, with the server's sentence", async () => {
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await openHome(page);
    await page.route("**/favourite", (route) =>
      route.fulfill({ status: 422, json: { error: "The nest is full." } }),
    );
    const button = front(page).locator("[data-key=favourite]").first();
    await button.click();
    await page.getByText("The nest is full.").waitFor();
    expect(await button.getAttribute("aria-pressed")).toBe("false");
  });

  test("a failed list says what failed, keeps the request id, and tries again", async () => {
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await page.route("**/api/v1/bookmarks*", (route) =>
      route.fulfill({
        status: 503,
        json: { error: "The shelf is being dusted." },
        headers: { "X-Request-Id": "abc" },
      }),
    );
    await page.goto("/bookmarks");
    await front(page).getByText("The shelf is being dusted.").waitFor();
    await front(page).getByRole("button", { name: "Copy request id" }).waitFor();
    await page.unroute("**/api/v1/bookmarks*");
    await front(page).getByRole("button", { name: "Retry" }).click();
    await front(page).getByText("No bookmarks yet").waitFor();
  });

  test("a limit counts down and then tries by itself", async () => {
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await page.route(
      "**/api/v1/favourites*",
      (route) =>
        route.fulfill({ status: 429, json: { error: "Too many requests" }, headers: { "Retry-After": "2" } }),
      { times: 1 },
    );
    await page.goto("/favourites");
    await front(page)
      .getByText(/Trying again by itself in/)
      .waitFor();
    await front(page).getByText("No favourites yet").waitFor();
  });

  test("a timeline that is being rebuilt says so, and comes by itself", async () => {
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await page.route("**/api/v1/timelines/home*", (route) => route.fulfill({ status: 206, json: [] }), {
      times: 2,
    });
    await page.goto("/");
    await front(page).getByText("Preparing your timeline").waitFor();
    await front(page).locator("article").first().waitFor();
  });

  test("without a connection it says how old what is shown is", async () => {
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await openHome(page);
    await page.context().setOffline(true);
    await page.getByText(/^No connection\. What you see is from/).waitFor();
    expect(await front(page).locator("article").count()).toBeGreaterThan(3);
    await page.context().setOffline(false);
    await page.getByText(/^No connection/).waitFor({ state: "detached" });
  });

  test("an ended session asks to sign in again, and leaves what is on screen", async () => {
    const [guest] = (await signUp(roost.url, "dunnock")) as [SignedUp];
    await guest.client.follow(author.id);
    await using opened = await openPage(browser, roost.url, { as: guest });
    const { page } = opened;
    await openHome(page);
    await page.route("**/api/v1/statuses/*/bookmark", (route) =>
      route.fulfill({ status: 401, json: { error: "The access token is invalid" } }),
    );
    await front(page).locator("[data-key=bookmark]").first().click();
    await page.getByRole("heading", { name: "Sign in again" }).waitFor();
    expect(await front(page).locator("article").count()).toBeGreaterThan(3);
  });
});

test.each([
  ["the browser's own sanitiser", true],
  ["the library, in older browsers", false],
])("nothing of a post's HTML runs or looks like the app's own: %s", async (_name, isNative) => {
  await using opened = await openPage(browser, roost.url, { as: reader });
  const { page } = opened;
  let hasRun = false;
  await page.exposeFunction("evil", () => {
    hasRun = true;
  });
  if (!isNative) await page.addInitScript("delete Element.prototype.setHTML");
  const evil =
    '<p onclick="evil()" style="position:fixed">Words <b>bold</b> <a href="javascript:evil()">go</a> <a href="gemini://example.org/">there</a></p>' +
    '<img src=x onerror="evil()"><script>evil()</script><form action="/x"><input></form><svg><script>evil()</script></svg>';
  await page.route("**/api/v1/timelines/home*", async (route) => {
    const answer = await route.fetch();
    const posts = (await answer.json()) as { content: string }[];
    await route.fulfill({ response: answer, json: posts.map((post) => ({ ...post, content: evil })) });
  });
  await openHome(page);
  const content = front(page).locator("article .content").first();
  expect(await content.textContent()).toContain("Words bold go there");
  expect(await content.locator("img, script, form, input, svg, [onclick], [style]").count()).toBe(0);
  expect(await content.locator("a").first().getAttribute("href")).toBeNull();
  expect(await content.locator("a").last().getAttribute("href")).toBe("gemini://example.org/");
  expect(await content.locator("b").count()).toBe(1);
  expect(hasRun).toBe(false);
});

describe("for everyone", () => {
  const PAGES = [
    "/",
    "/explore",
    "/search?q=post",
    "/notifications",
    "/@wren",
    "/settings",
    "/settings/profile",
    "/lists",
  ];

  const examine = async (page: Page, path: string, found: string[]) => {
    const { violations } = await new AxeBuilder({ page }).analyze();
    for (const { id, nodes } of violations)
      found.push(`${path} ${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
  };
  const examineAll = async (page: Page, paths: readonly string[], found: string[]) => {
    for (const path of paths) {
      await page.goto(path);
      await front(page).locator("h1").waitFor();
      await page.waitForTimeout(700);
      await examine(page, path, found);
    }
  };

  test.each(["light", "dark"] as const)("axe finds nothing on members' pages, %s", async (theme) => {
    const [first] = await author.client.get<{ id: string }[]>(`/api/v1/accounts/${author.id}/statuses`);
    await using opened = await openPage(browser, roost.url, { as: reader, theme });
    const found: string[] = [];
    await examineAll(opened.page, [...PAGES, `/@wren/${first?.id}`], found);
    expect(found).toEqual([]);
  });

  test.each(["light", "dark"] as const)("axe finds nothing for visitors and writers, %s", async (theme) => {
    await using signedIn = await openPage(browser, roost.url, { as: reader, theme });
    await using visiting = await openPage(browser, roost.url, { theme });
    const found: string[] = [];
    await examineAll(visiting.page, ["/", "/signup", "/login", "/about"], found);
    await openHome(signedIn.page);
    await press(signedIn.page, "n");
    await signedIn.page.getByRole("dialog").waitFor();
    await examine(signedIn.page, "composer", found);
    expect(found).toEqual([]);
  });

  test("at 320 pixels nothing needs sideways scrolling", async () => {
    await using signedIn = await openPage(browser, roost.url, { as: reader, width: 320, height: 640 });
    await using visiting = await openPage(browser, roost.url, { width: 320, height: 640 });
    for (const [page, paths] of [
      [signedIn.page, PAGES],
      [visiting.page, ["/", "/signup", "/login", "/about"]],
    ] as const) {
      for (const path of paths) {
        await page.goto(path);
        await front(page).locator("h1").waitFor();
        await page.waitForTimeout(400);
        const [content, box] = await front(page).evaluate((layer) => [layer.scrollWidth, layer.clientWidth]);
        expect(content, path).toBeLessThanOrEqual(box ?? 0);
      }
    }
  });

  test("single keys can be switched off", async () => {
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await page.goto("/settings/keyboard");
    await front(page).getByRole("switch", { name: "Single-key shortcuts" }).uncheck();
    await front(page).locator("h1").focus();
    await press(page, "n", "?");
    await page.waitForTimeout(300);
    expect(await page.getByRole("dialog").count()).toBe(0);
  });

  test("media take their place before they load", async () => {
    const form = new FormData();
    const { default: sharp } = await import("sharp");
    const picture = await sharp({ create: { width: 900, height: 600, channels: 3, background: "#d98a5b" } })
      .png()
      .toBuffer();
    form.set("file", new Blob([new Uint8Array(picture)], { type: "image/png" }), "dusk.png");
    form.set("description", "An even dusk");
    const media = await author.client.post<{ id: string }>("/api/v2/media", form);
    const status = await author.client.publish("With a picture", { media_ids: [media.id] });
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await page.route("**/media/**", async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      await route.continue();
    });
    await openHome(page);
    const card = front(page).locator(`article[data-status="${status.id}"]`);
    const before = await card.boundingBox();
    await expect
      .poll(
        () =>
          card
            .locator("img[alt='An even dusk']")
            .evaluate((image) => (image as unknown as Picture).naturalWidth),
        { timeout: 10_000 },
      )
      .toBeGreaterThan(0);
    expect((await card.boundingBox())?.height).toBe(before?.height);
  });
});
