import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SignedUp, signUp } from "../support/client.ts";
import { front, openPage, scrollTo, settled } from "./browser.ts";
import { openHome, pill, press, type Stage, setStage } from "./stage.ts";

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
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

async function boxOf(locator: Locator): Promise<Box> {
  const box = await locator.boundingBox();
  if (!box) throw new Error(`${locator} is not shown`);
  return box;
}

const overlap = (a: Box, b: Box) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

describe("nothing covers what is read or pressed", () => {
  test.each([360, 768, 1_280])("the offline bar at %i px, nor does a message", async (width) => {
    await using opened = await openPage(browser, roost.url, { as: reader, width, height: 740 });
    const { page } = opened;
    await openHome(page);
    await page.route("**/bookmark", (route) =>
      route.fulfill({ status: 422, json: { error: "The shelf is full." } }),
    );
    await front(page).locator("[data-key=bookmark]").first().click();
    const message = page.locator(".toast", { hasText: "The shelf is full." });
    await message.waitFor();
    await page.context().setOffline(true);
    const bar = page.getByText(/^No connection\. What you see is from/);
    await bar.waitFor();
    const around = [page.locator(".compose-fab"), page.locator(".bottom-bar"), message];
    for (const other of around) {
      if (!(await other.isVisible())) continue;
      expect(overlap(await boxOf(bar), await boxOf(other)), String(other)).toBe(false);
    }
  });

  test.each([360, 1_280])("the offer of new posts at %i px", async (width) => {
    await using signedIn = await openPage(browser, roost.url, { as: reader, width, height: 740 });
    const { page } = signedIn;
    await openHome(page);
    await author.client.publish(`Something new at ${width}`);
    await pill(page).waitFor();
    const offer = await boxOf(pill(page));
    for (const post of await front(page).locator("article").all()) {
      expect(overlap(offer, await boxOf(post))).toBe(false);
    }
    for (const control of [front(page).locator("h1"), front(page).locator(".compose-offer")]) {
      expect(overlap(offer, await boxOf(control)), String(control)).toBe(false);
    }
    await pill(page).click();
    await front(page).getByText(`Something new at ${width}`).waitFor();
  });

  test.each(["/lists", "/bookmarks", "/tags/nothing"])(
    "on a phone, a short page such as %s has one ground, and nothing to scroll",
    async (path) => {
      await using opened = await openPage(browser, roost.url, { as: reader, width: 360, height: 740 });
      const { page } = opened;
      await page.goto(path);
      await front(page).locator("h1").waitFor();
      await settled(page);
      const [column, layer] = [await boxOf(front(page).locator(".column")), await boxOf(front(page))];
      expect(column.height).toBe(layer.height);
      const [content, shown] = await front(page).evaluate((box) => [box.scrollHeight, box.clientHeight]);
      expect(content).toBe(shown);
    },
  );
});

test("messages don't pile up: the same one is one, and one offer takes the place of the other", async () => {
  await using opened = await openPage(browser, roost.url, { as: reader });
  const { page } = opened;
  await openHome(page);
  const toasts = page.locator(".toast");
  for (const text of ["One", "Two", "Three"]) {
    await press(page, "n");
    await page.getByLabel("Your post").fill(text);
    await press(page, "Control+Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  }
  await toasts.first().waitFor();
  expect(await toasts.count()).toBe(1);
  await page.route("**/bookmark", (route) =>
    route.fulfill({ status: 422, json: { error: "The shelf is full." } }),
  );
  for (let i = 0; i < 4; i++) await front(page).locator("[data-key=bookmark]").nth(i).click();
  await toasts.filter({ hasText: "The shelf is full." }).waitFor();
  await page.waitForTimeout(300);
  expect(await toasts.count()).toBe(2);
  // What was offered on one page goes with it.
  await page.waitForTimeout(1_000);
  await press(page, "g", "e");
  await toasts.filter({ hasText: "Posted" }).waitFor({ state: "detached" });
});

test("a feed below what is in view is no empty feed", async () => {
  await using opened = await openPage(browser, roost.url, { width: 360, height: 400 });
  const { page } = opened;
  await page.goto("/");
  const feed = front(page).getByRole("feed", { name: "Public posts" });
  await feed.waitFor({ state: "attached" });
  await expect.poll(() => feed.locator("article").count()).toBeGreaterThan(0);
});

test.each(["no-preference", "reduce"] as const)(
  "0 goes to the top right after the wheel has turned (reduced motion: %s)",
  async (reducedMotion) => {
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await page.emulateMedia({ reducedMotion });
    await openHome(page);
    await scrollTo(page, 2_000);
    await page.mouse.move(640, 450);
    for (let i = 0; i < 6; i++) await page.mouse.wheel(0, 400);
    await press(page, "0");
    await expect.poll(() => front(page).evaluate((box) => box.scrollTop), { timeout: 3_000 }).toBe(0);
    await page.waitForTimeout(500);
    expect(await front(page).evaluate((box) => box.scrollTop)).toBe(0);
  },
);

describe("notifications", () => {
  const fans: SignedUp[] = [];
  beforeAll(async () => {
    fans.push(...((await signUp(roost.url, "robin", "martin", "jay", "swift")) as SignedUp[]));
    const long = `The start of it. ${"All of this need not be read again. ".repeat(12)}`;
    const post = await author.client.publish(long);
    for (const fan of fans) await fan.client.post(`/api/v1/statuses/${post.id}/favourite`);
    for (const fan of fans.slice(0, 3)) await fan.client.post(`/api/v1/statuses/${post.id}/reblog`);
    for (const fan of fans) await fan.client.follow(author.id);
  });

  const openNotifications = async (page: Page) => {
    await page.goto("/notifications");
    await front(page).getByRole("feed", { name: "Notifications" }).locator("article").first().waitFor();
    await settled(page);
  };

  test("of many about one post are one row, and so are new followers; the post is an excerpt", async () => {
    await using opened = await openPage(browser, roost.url, { as: author, width: 360, height: 740 });
    const { page } = opened;
    await openNotifications(page);
    const rows = front(page).getByRole("feed", { name: "Notifications" });
    await rows.getByRole("article", { name: /^swift, jay and 2 others favourited your post$/ }).waitFor();
    await rows.getByRole("article", { name: /^jay, martin and 1 other boosted your post$/ }).waitFor();
    // The reader of this stage follows as well.
    await rows.getByRole("article", { name: /^swift, jay and 3 others follow you$/ }).waitFor();
    const words = await rows.getByRole("article", { name: /favourited/ }).textContent();
    expect(words).toContain("The start of it.");
    expect(words?.length).toBeLessThan(250);
  });

  test("the badge asks for a number, not for the list", async () => {
    await using opened = await openPage(browser, roost.url, { as: author });
    const { page } = opened;
    const asked: string[] = [];
    page.on("request", (request) => {
      if (/api\/v1\/notifications/.test(request.url())) asked.push(new URL(request.url()).pathname);
    });
    // The page before has looked at all of them: these are new.
    await fans[0]?.client.publish("@wren A word with you");
    await page.goto("/");
    const link = page.getByRole("link", { name: /^Notifications, [1-9]\d* unread$/ }).first();
    await link.waitFor();
    await fans[1]?.client.publish("@wren And one more");
    await page
      .getByRole("link", { name: /^Notifications, 2 unread$/ })
      .first()
      .waitFor();
    expect(new Set(asked)).toEqual(new Set(["/api/v1/notifications/unread_count"]));
    await link.click();
    await front(page).getByText("And one more").waitFor();
    await page
      .getByRole("link", { name: /^Notifications$/ })
      .first()
      .waitFor();
  });
});
