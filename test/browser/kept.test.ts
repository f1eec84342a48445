import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { front, openPage, settled } from "./browser.ts";
import { openHome, type Stage, setStage } from "./stage.ts";

interface Text {
  readonly textContent: string;
}

let stage: Stage;
let roost: Stage["roost"];
let browser: Stage["browser"];
let author: Stage["author"];
let reader: Stage["reader"];
let threadPath = "";

beforeAll(async () => {
  stage = await setStage();
  ({ roost, browser, author, reader } = stage);
  const first = await author.client.publish("The first of a #thread that goes on");
  await author.client.publish("And the second", { in_reply_to_id: first.id });
  await reader.client.post(`/api/v1/statuses/${first.id}/favourite`);
  await reader.client.post(`/api/v1/statuses/${first.id}/reblog`);
  await author.client.post(`/api/v1/accounts/${reader.id}/follow`);
  threadPath = `/@wren/${first.id}`;
});

afterAll(() => stage?.[Symbol.asyncDispose]());

/** What a reader reads, without ages, which pass. */
async function wordsOf(page: Page): Promise<string[]> {
  const texts = await front(page)
    .locator("h1, h2, a.account-row, article .content, article .card-name, .event p")
    .evaluateAll((found) => found.map((each) => (each as unknown as Text).textContent));
  return texts.filter((text) => text.trim() !== "");
}

describe("a reload shows what was there before", () => {
  test.each([
    "/",
    "/search?q=post&type=statuses",
    "/search?q=wren",
    "/search?q=thread&type=hashtags",
    "/@wren",
    "/@wren/followers",
    "/notifications",
    "/favourites",
    "/explore",
    "/tags/thread",
    "the thread",
  ])("%s", async (name) => {
    const path = name === "the thread" ? threadPath : name;
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page, problems } = opened;
    await page.goto(path);
    await front(page).locator("article, a.account-row").first().waitFor();
    await settled(page);
    const before = await wordsOf(page);
    expect(before.length).toBeGreaterThan(1);
    // Answers are written a second after they have changed.
    await page.waitForTimeout(1_300);
    await page.reload();
    await front(page).locator("article, a.account-row").first().waitFor();
    await settled(page);
    await expect.poll(() => wordsOf(page)).toEqual(before);
    expect(problems).toEqual([]);
  });
});

describe("a favourite without a connection", () => {
  const first = (page: Page) => front(page).locator("article").first().locator("[data-key=favourite]");
  const isFavourited = async (id: string) =>
    (await reader.client.get<{ favourited: boolean }>(`/api/v1/statuses/${id}`)).favourited;

  test("is shown, waits, outlives a reload, and is sent when the connection is back", async () => {
    const { id } = await author.client.publish("To be favourited under a bridge");
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await openHome(page);
    await front(page).locator(`article[data-status="${id}"]`).waitFor();
    // The page itself can still be loaded: only the API is out of reach.
    await page.route("**/api/**", (route) => route.abort("internetdisconnected"));
    await first(page).click();
    await page.getByRole("button", { name: /^Favourite, waiting for a connection, 1$/ }).waitFor();
    await page.getByText(/1 change waits to be sent/).waitFor();
    expect(await isFavourited(id)).toBe(false);
    await page.waitForTimeout(600);
    await page.reload();
    await page.getByRole("button", { name: /^Favourite, waiting for a connection, 1$/ }).waitFor();
    expect(await first(page).getAttribute("aria-pressed")).toBe("true");
    await page.unroute("**/api/**");
    await expect.poll(() => isFavourited(id), { timeout: 45_000 }).toBe(true);
    await page.getByRole("button", { name: /waiting for a connection/ }).waitFor({ state: "detached" });
    expect(await first(page).getAttribute("aria-pressed")).toBe("true");
    expect(await first(page).getAttribute("aria-label")).toBe("Favourite, 1");
  });

  test("is cancelled by taking it back, and nothing is ever sent", async () => {
    const { id } = await author.client.publish("To be favourited, and then not");
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await openHome(page);
    await front(page).locator(`article[data-status="${id}"]`).waitFor();
    const sent: string[] = [];
    page.on("request", (request) => {
      if (/favourite$/.test(request.url())) sent.push(request.url());
    });
    await page.context().setOffline(true);
    await first(page).click();
    await page.getByRole("button", { name: /waiting for a connection/ }).waitFor();
    const tries = sent.length;
    await first(page).click();
    await page.getByRole("button", { name: /waiting for a connection/ }).waitFor({ state: "detached" });
    expect(await first(page).getAttribute("aria-pressed")).toBe("false");
    await page.context().setOffline(false);
    await page.getByText(/^No connection/).waitFor({ state: "detached", timeout: 45_000 });
    expect(sent.length).toBe(tries);
    expect(await isFavourited(id)).toBe(false);
  });
});
