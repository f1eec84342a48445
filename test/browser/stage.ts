/** What every browser test plays on: a Roost with people who post, and a browser. */
import type { Browser, Page } from "playwright-core";
import { type SignedUp, signUp } from "../support/client.ts";
import { type RunningRoost, startRoost, waitFor } from "../support/start-roost.ts";
import { front, launchChromium, settled } from "./browser.ts";

export interface Stage extends AsyncDisposable {
  readonly roost: RunningRoost;
  readonly browser: Browser;
  readonly author: SignedUp;
  readonly reader: SignedUp;
}

export async function setStage(): Promise<Stage> {
  await using opened = new AsyncDisposableStack();
  const roost = opened.use(await startRoost());
  const browser = opened.adopt(await launchChromium(), (launched) => launched.close());
  const people = await signUp(roost.url, "wren", "lark");
  const [author, reader] = people as [SignedUp, SignedUp];
  await reader.client.follow(author.id);
  for (let i = 1; i <= 70; i++) await author.client.publish(sentences(i));
  await waitFor(
    async () => (await reader.client.home({ limit: "40" })).length === 40,
    20_000,
    "the posts are in the reader's home timeline",
  );
  const struck = opened.move();
  return { roost, browser, author, reader, [Symbol.asyncDispose]: () => struck.disposeAsync() };
}

/** Posts of differing heights. */
export function sentences(i: number): string {
  return `Post number ${i}. ${"The wind went round to the west, and the whole flock with it. ".repeat(i % 7)}`;
}

export async function openHome(page: Page): Promise<void> {
  await page.goto("/");
  await front(page).getByRole("feed", { name: "Home timeline" }).locator("article").first().waitFor();
  await settled(page);
}

export const pill = (page: Page) => front(page).getByRole("button", { name: /new (post|above)/ });

export async function press(page: Page, ...keys: string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
}
