/** Completing names, tags and emoji while a post is written, and the composer on a small phone. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { signUp } from "../support/client.ts";
import { front, openPage } from "./browser.ts";
import { openHome, type Stage, setStage } from "./stage.ts";

/** What these tests touch of the page's own objects; the server's code is checked without the browser's types. */
declare const document: {
  addEventListener(name: string, run: () => void, capture: boolean): void;
  body: unknown;
};
declare const window: { offeredMs: number[] };
declare class MutationObserver {
  constructor(run: () => void);
  observe(target: unknown, options: object): void;
}

/** From a key to what it brings, on a machine that does nothing else. */
const OFFERED_MS_MAX = 50;

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
  await stage.author.client.publish("A long evening at the #Ubuntu release, and on to #ubuntuone");
});
afterAll(() => stage?.[Symbol.asyncDispose]());

async function openComposer(page: Page) {
  await openHome(page);
  await page.keyboard.press("n");
  const text = page.getByLabel("Your post");
  await text.waitFor();
  return text;
}

test("names, tags and emoji are offered while they are typed, and taken by key or by pointer", async () => {
  await using opened = await openPage(stage.browser, stage.roost.url, { as: stage.reader });
  const { page, problems } = opened;
  const text = await openComposer(page);
  const offers = page.getByRole("listbox", { name: "Suggestions" }).getByRole("option");

  await text.pressSequentially("Hi @wr");
  await offers.filter({ hasText: "@wren" }).waitFor();
  expect(await text.getAttribute("aria-activedescendant")).toBe(await offers.first().getAttribute("id"));
  await page.keyboard.press("Enter");
  expect(await text.inputValue()).toBe("Hi @wren ");
  expect(await offers.count()).toBe(0);

  await text.pressSequentially("see #ubu");
  await offers.filter({ hasText: "#" }).first().waitFor();
  const tags = await offers.allTextContents();
  expect(tags.map((tag) => tag.toLowerCase()).sort()).toEqual(["#ubuntu", "#ubuntuone"]);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  expect(await text.inputValue()).toBe(`Hi @wren see ${tags[1]} `);

  await text.pressSequentially(":part");
  await offers.filter({ hasText: "party popper" }).click();
  expect(await text.inputValue()).toBe(`Hi @wren see ${tags[1]} 🎉 `);

  // Escape closes the offers before it closes the composer.
  await text.pressSequentially("@wre");
  await offers.first().waitFor();
  await page.keyboard.press("Escape");
  expect(await offers.count()).toBe(0);
  expect(await page.getByRole("dialog").count()).toBe(1);
  // Enter is a new line again.
  await page.keyboard.press("Enter");
  expect(await text.inputValue()).toMatch(/@wre\n$/);
  expect(problems).toEqual([]);
});

test.each([
  ["a phone", 390, 844],
  ["a desk", 1280, 900],
])("every offer can be seen on %s, and the chosen one is", async (_, width, height) => {
  const names = ["marlin", "marlo", "marley", "marla", "marlow", "marlene"];
  if (width === 390) await signUp(stage.roost.url, ...names);
  await using opened = await openPage(stage.browser, stage.roost.url, { as: stage.reader, width, height });
  const { page } = opened;
  await openHome(page);
  await page.keyboard.press("n");
  const text = page.getByLabel("Your post");
  await text.pressSequentially("Hi @marl");
  const options = page.getByRole("listbox", { name: "Suggestions" }).getByRole("option");
  await expect.poll(() => options.count()).toBe(6);
  for (let i = 0; i < 6; i++) {
    const chosen = page.locator('[role=option][aria-selected="true"]');
    // What is at its middle is it: nothing lies over it, and it isn't cut off.
    const isSeen = await chosen.evaluate((option) => {
      const { left, top, width: w, height: h } = option.getBoundingClientRect();
      const at = option.ownerDocument.elementFromPoint(left + w / 2, top + h / 2);
      return at !== null && option.contains(at);
    });
    expect([i, isSeen]).toEqual([i, true]);
    await page.keyboard.press("ArrowDown");
  }
});

test("an offer stands there within 50 ms of the key", async () => {
  await using opened = await openPage(stage.browser, stage.roost.url, { as: stage.reader });
  const { page } = opened;
  const text = await openComposer(page);
  await page.evaluate(() => {
    window.offeredMs = [];
    let typedAt = 0;
    document.addEventListener("input", () => (typedAt = performance.now()), true);
    new MutationObserver(() => {
      if (typedAt === 0) return;
      window.offeredMs.push(performance.now() - typedAt);
      typedAt = 0;
    }).observe(document.body, { subtree: true, attributeFilter: ["aria-activedescendant"] });
  });
  const offers = page.getByRole("listbox", { name: "Suggestions" });
  // What comes with the first letters ever, code and the names of emoji, isn't what typing feels like.
  for (const warm of ["@zz", "#zz", ":zz"]) await text.fill("").then(() => text.pressSequentially(warm));
  const words = { names: ["@w", "@l", "@wr", "@la", "@wre"], tags: ["#u", "#ub", "#ubu", "#ubun", "#ubunt"] };
  const emoji = [":pa", ":he", ":ho", ":su", ":mo"];
  for (const [kind, typed] of Object.entries({ ...words, emoji })) {
    const ms: number[] = [];
    // Each is asked for the first time: nothing is remembered.
    for (const word of typed) {
      await page.evaluate(() => (window.offeredMs = []));
      await text.fill("");
      await text.fill(word);
      await offers.waitFor();
      ms.push(...(await page.evaluate(() => window.offeredMs)));
      await text.fill("");
    }
    console.log(`${kind} offered`, ms.map((one) => one.toFixed(0)).join(", "), "ms after the key");
    expect([kind, Math.min(...ms) <= OFFERED_MS_MAX]).toEqual([kind, true]);
  }
});

test("at 360 px the composer's tools stand in one row, and the choices say what is chosen", async () => {
  await using opened = await openPage(stage.browser, stage.roost.url, {
    as: stage.reader,
    width: 360,
    height: 740,
  });
  const { page } = opened;
  await openHome(page);
  await page.goto("/compose");
  await front(page).getByLabel("Your post").waitFor();
  const tools = front(page).locator(".composer-tools > :not([role=status]):not([hidden])");
  if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/tools-360.png` });
  const middles = await tools.evaluateAll((all) =>
    all.map((one) => {
      const { top, height } = (
        one as unknown as { getBoundingClientRect(): { top: number; height: number } }
      ).getBoundingClientRect();
      return Math.round(top + height / 2);
    }),
  );
  expect(Math.max(...middles) - Math.min(...middles)).toBeLessThan(12);
  await front(page).getByLabel("Who can see this").selectOption("private");
  expect(await front(page).getByLabel("Who can see this").inputValue()).toBe("private");
  if (process.env.SCREENSHOTS) {
    await front(page).getByLabel("Your post").pressSequentially("@wr");
    await page.getByRole("listbox").waitFor();
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/composer-360.png` });
  }
});
