import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SignedUp, signUp } from "../support/client.ts";
import { front, openPage } from "./browser.ts";
import { openHome, press, type Stage, setStage } from "./stage.ts";

/** What these tests touch of the page's own objects; the server's code is checked without the browser's types. */
declare const document: { readonly activeElement: Focused | null };

interface Focused {
  readonly tagName: string;
  readonly textContent: string;
  closest(selector: string): { readonly dataset: Readonly<Record<string, string | undefined>> } | null;
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

const focused = (page: Page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    return {
      tag: element?.tagName ?? "NONE",
      text: element?.textContent ?? "",
      status: element?.closest("[data-status]")?.dataset.status ?? null,
    };
  });

/** Once everything has come to rest; on the way, nothing may be focused for a moment. */
async function focusComesTo(page: Page, where: { tag: string; text?: string; status?: string | null }) {
  await expect.poll(() => focused(page), { timeout: 5_000 }).toMatchObject(where);
  await page.waitForTimeout(400);
  expect(await focused(page)).toMatchObject(where);
}

const HEADING_HOME = { tag: "H1", text: "Home" };

describe("the focus never falls to the body", () => {
  test("after sign-up it is on the heading, and stays there when a first follow takes the page away", async () => {
    await using opened = await openPage(browser, roost.url);
    const { page } = opened;
    const account = await author.client.get(`/api/v1/accounts/${author.id}`);
    await page.route("**/api/v2/suggestions*", (route) =>
      route.fulfill({ json: [{ source: "staff", account }] }),
    );
    await page.goto("/signup");
    await page.getByLabel("Username").fill("bunting");
    await page.getByLabel("E-mail").fill("bunting@example.org");
    await page.getByLabel("Password").fill("a long enough password");
    await page.getByLabel(/be kind/).check();
    await page.getByRole("button", { name: "Create account" }).press("Enter");
    await front(page).getByText("A quiet wire, for now").waitFor();
    await focusComesTo(page, HEADING_HOME);

    await front(page).getByRole("button", { name: "Follow: wren" }).press("Enter");
    await front(page).getByRole("feed", { name: "Home timeline" }).waitFor();
    await focusComesTo(page, HEADING_HOME);
  });

  test("a refused sign-up leads to the field it is about", async () => {
    await using opened = await openPage(browser, roost.url);
    const { page } = opened;
    await page.goto("/signup");
    await page.getByLabel("Username").fill("wren");
    await page.getByLabel("E-mail").fill("another@example.org");
    await page.getByLabel("Password").fill("a long enough password");
    await page.getByLabel(/be kind/).check();
    await page.getByRole("button", { name: "Create account" }).press("Enter");
    await expect.poll(() => page.getByLabel("Username").getAttribute("aria-invalid")).toBe("true");
    await focusComesTo(page, { tag: "INPUT" });
    expect(await page.locator("input[aria-invalid]:focus").count()).toBe(1);
  });

  test("after posting it is back where the writing began: a key, a button, a reply", async () => {
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await openHome(page);
    await press(page, "n");
    await page.getByLabel("Your post").fill("Written by a key");
    await press(page, "Control+Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await focusComesTo(page, HEADING_HOME);

    await front(page)
      .getByRole("button", { name: /What's the view/ })
      .press("Enter");
    await page.getByLabel("Your post").fill("Written by a button");
    await press(page, "Control+Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await focusComesTo(page, { tag: "BUTTON", text: "What's the view from up there?" });

    const card = front(page).locator("article", { hasText: "Post number 70." });
    const status = await card.getAttribute("data-status");
    await card.focus();
    await press(page, "r");
    await page.getByLabel("Your reply").fill("@wren Written as a reply");
    await press(page, "Control+Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await focusComesTo(page, { tag: "ARTICLE", status });
  });

  test("after deleting it is on the post beside it, and a cancelled deletion leaves it where it was", async () => {
    const [writer] = (await signUp(roost.url, "twite")) as [SignedUp];
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) ids.push((await writer.client.publish(`Line ${i}`)).id);
    await using opened = await openPage(browser, roost.url, { as: writer });
    const { page } = opened;
    await openHome(page);
    const card = front(page).locator(`article[data-status="${ids[2]}"]`);
    const askToDelete = async () => {
      await card.locator("[data-key=more]").press("Enter");
      await page.getByRole("menuitem", { name: "Delete" }).press("Enter");
      await page.getByRole("alertdialog").waitFor();
    };
    await askToDelete();
    await press(page, "Escape");
    await page.getByRole("alertdialog").waitFor({ state: "detached" });
    await focusComesTo(page, { tag: "BUTTON", status: ids[2] ?? "" });

    await askToDelete();
    await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).press("Enter");
    await card.waitFor({ state: "detached" });
    await focusComesTo(page, { tag: "ARTICLE", status: ids[1] ?? "" });
  });

  test("a button that goes by being pressed hands it on: a retry, a message, the rest of a text", async () => {
    const long = await author.client.publish(
      `${"A line of many, with a number of words in it.\n".repeat(10)}`,
    );
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await page.route("**/api/v1/bookmarks*", (route) => route.fulfill({ status: 500, json: {} }), {
      times: 1,
    });
    await page.goto("/bookmarks");
    await front(page).getByRole("button", { name: "Retry" }).press("Enter");
    await front(page).getByText("No bookmarks yet").waitFor();
    await focusComesTo(page, { tag: "H1", text: "Bookmarks" });

    await page.goto(`/@wren/${long.id}`);
    await front(page).locator("article").first().waitFor();
    await page.route("**/bookmark", (route) => route.fulfill({ status: 422, json: { error: "No room." } }));
    const mark = front(page).locator("article [data-key=bookmark]").first();
    await mark.press("Enter");
    await page.getByRole("button", { name: "Dismiss" }).press("Enter");
    await page.getByText("No room.").waitFor({ state: "detached" });
    await focusComesTo(page, { tag: "BUTTON", status: long.id });
  });

  test("a click beside everything is the reader's own doing, and nothing takes the focus back", async () => {
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await openHome(page);
    await front(page).locator("[data-key=favourite]").first().focus();
    await page.mouse.click(1_270, 890);
    expect((await focused(page)).tag).toBe("BODY");
    await author.client.publish("Something that changes the page");
    await page.getByRole("button", { name: /new post/ }).waitFor();
    await page.waitForTimeout(300);
    expect((await focused(page)).tag).toBe("BODY");
  });
});
