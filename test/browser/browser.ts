/** A real Chromium, and pages in it that are signed in. */
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import type { SignedUp } from "../support/client.ts";

/** What runs inside the page; the server's code is checked without the browser's types. */
declare const requestAnimationFrame: (run: (time: number) => void) => number;

interface Post {
  readonly dataset: Readonly<Record<string, string | undefined>>;
  getBoundingClientRect(): { readonly top: number };
}

const CANDIDATES = [
  process.env.CHROMIUM_PATH,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function launchChromium(): Promise<Browser> {
  const executablePath = CANDIDATES.find((path) => path !== undefined && existsSync(path));
  if (!executablePath)
    throw new Error("The browser tests need a Chromium: install it, or name it in CHROMIUM_PATH");
  return chromium.launch({ executablePath, args: FLAGS });
}

export interface PageOptions {
  readonly as?: SignedUp;
  readonly width?: number;
  readonly height?: number;
  readonly theme?: "light" | "dark";
}

export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  /** What the page complained about: exceptions and refused scripts have no place in it. */
  readonly problems: readonly string[];
}

export async function openPage(browser: Browser, url: string, options: PageOptions = {}): Promise<OpenPage> {
  const { as: person, width = 1280, height = 900, theme = "light" } = options;
  const localStorage = person
    ? [
        { name: "roost.token", value: person.client.token ?? "" },
        { name: "roost.account", value: person.id },
        { name: "roost.preferences", value: JSON.stringify({ knowsBoosts: true }) },
      ]
    : [];
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    reducedMotion: "reduce",
    baseURL: url,
    storageState: { cookies: [], origins: [{ origin: url, localStorage }] },
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) problems.push(message.text());
  });
  return { page, problems, [Symbol.asyncDispose]: () => context.close() };
}

/** The page in front: those behind it stay in the document, hidden. */
export function front(page: Page) {
  return page.locator(".layer[data-active=true]");
}

/** How far below the top of its page a post stands. */
export async function placeOf(page: Page, statusId: string): Promise<number> {
  const box = await front(page).locator(`article[data-status="${statusId}"]`).first().boundingBox();
  if (!box) throw new Error(`post ${statusId} is not in view`);
  return box.y;
}

export async function firstInView(page: Page): Promise<string> {
  const id = await front(page).evaluate((layer) => {
    const posts = [...layer.querySelectorAll("article[data-status]")] as unknown as Post[];
    return posts.find((post) => post.getBoundingClientRect().top > 80)?.dataset.status;
  });
  if (!id) throw new Error("no post is in view");
  return id;
}

export async function scrollTo(page: Page, top: number): Promise<void> {
  // In steps, as people do: what comes into view is measured on the way.
  await front(page).evaluate(async (layer, target) => {
    for (let at = layer.scrollTop; at < target; at += 400) {
      layer.scrollTop = Math.min(target, at + 400);
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    }
  }, top);
  await settled(page);
}

/** Until nothing has moved for a while. */
export async function settled(page: Page): Promise<void> {
  await front(page).evaluate(async (layer) => {
    let still = 0;
    let last = "";
    while (still < 20) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      const now = `${layer.scrollTop}/${layer.scrollHeight}`;
      still = now === last ? still + 1 : 0;
      last = now;
    }
  });
}
