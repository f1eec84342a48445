import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { firstInView, front, openPage, placeOf, scrollTo, settled } from "./browser.ts";
import { openHome, pill, press, type Stage, sentences, setStage } from "./stage.ts";

/** What these tests touch of the page's own objects; the server's code is checked without the browser's types. */
declare const indexedDB: { open(name: string): KeptDatabase };

interface KeptDatabase {
  onsuccess: (value: unknown) => void;
  readonly result: {
    readonly objectStoreNames: { contains(name: string): boolean };
    transaction(name: string): { objectStore(name: string): { getAllKeys(): KeptKeys } };
  };
}

interface KeptKeys {
  onsuccess: () => void;
  readonly result: readonly unknown[];
}

interface Row {
  readonly dataset: Readonly<Record<string, string | undefined>>;
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

describe("a life on Roost", () => {
  test("sign up, follow, see a post arrive without reloading, reply, delete", async () => {
    await using opened = await openPage(browser, roost.url);
    const { page, problems } = opened;
    await page.goto("/");
    await front(page).getByRole("link", { name: "Create an account" }).click();
    await page.getByLabel("Username").fill("wren");
    await page.getByLabel("E-mail").fill("finch@example.org");
    await page.getByLabel("Password").fill("a long enough password");
    await page.getByLabel(/be kind/).check();
    await page.getByRole("button", { name: "Create account" }).click();
    // The server's sentence stands beside the field it is about.
    await expect.poll(() => page.getByLabel("Username").getAttribute("aria-invalid")).toBe("true");
    await page.getByLabel("Username").fill("finch");
    await page.getByRole("button", { name: "Create account" }).click();
    await front(page).getByText("A quiet wire, for now").waitFor();

    await page.goto("/@wren");
    await front(page)
      .getByRole("button", { name: /^Follow: wren/ })
      .click();
    await front(page).getByRole("button", { name: "Unfollow wren" }).waitFor();

    await page
      .getByRole("navigation", { name: "Main", exact: true })
      .getByRole("link", { name: "Home", exact: true })
      .click();
    await front(page)
      .getByText(/Post number 70\./)
      .waitFor();
    const news = await author.client.publish("Fresh from the branch");
    await pill(page).waitFor();
    expect(await page.getByText("Fresh from the branch").count()).toBe(0);
    await pill(page).click();
    const post = front(page).locator(`article[data-status="${news.id}"]`);
    await post.getByText("Fresh from the branch").waitFor();

    await post.getByRole("button", { name: "Reply" }).click();
    const text = page.getByLabel("Your reply");
    await expect.poll(() => text.inputValue()).toBe("@wren ");
    await text.pressSequentially("good to hear");
    await page.getByRole("dialog").getByRole("button", { name: "Reply", exact: true }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    const reply = front(page).locator("article", { hasText: "good to hear" });
    await reply.waitFor();
    const { descendants } = await author.client.get<{ descendants: { content: string }[] }>(
      `/api/v1/statuses/${news.id}/context`,
    );
    expect(descendants.map((status) => status.content).join()).toContain("good to hear");

    await reply.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
    await reply.waitFor({ state: "detached" });
    await expect
      .poll(
        async () =>
          (await author.client.get<{ descendants: unknown[] }>(`/api/v1/statuses/${news.id}/context`))
            .descendants,
      )
      .toEqual([]);
    expect(problems).toEqual([]);
  });

  test("sign in through the server's own page, and out again without a trace", async () => {
    await using opened = await openPage(browser, roost.url);
    const { page } = opened;
    await page.goto("/login");
    await front(page)
      .getByRole("button", { name: /^Sign in/ })
      .click();
    await page.waitForURL(/\/oauth\//);
    await page.getByLabel("Username or e-mail").fill("lark");
    await page.getByLabel("Password").fill("correct horse battery");
    await page.getByRole("button", { name: "Sign in" }).click();
    const allow = page.getByRole("button", { name: "Allow" });
    await allow.or(page.locator(".layer")).first().waitFor();
    if (await allow.isVisible()) await allow.click();
    await front(page).getByRole("feed", { name: "Home timeline" }).waitFor();
    const token = await page.evaluate(() => localStorage.getItem("roost.token"));

    await page.goto("/settings/data");
    await front(page).getByRole("button", { name: "Sign out" }).click();
    await front(page).getByText("Where your day comes home to roost").waitFor();
    expect(await page.evaluate(() => localStorage.getItem("roost.token"))).toBeNull();
    const databases = await page.evaluate(async () => {
      const open = indexedDB.open("keyval-store");
      await new Promise((resolve) => {
        open.onsuccess = resolve;
      });
      if (!open.result.objectStoreNames.contains("keyval")) return [];
      const keys = open.result.transaction("keyval").objectStore("keyval").getAllKeys();
      return new Promise<string[]>((resolve) => {
        keys.onsuccess = () => resolve(keys.result.map(String));
      });
    });
    expect(databases.filter((key) => key.includes(reader.id))).toEqual([]);
    const refused = await fetch(`${roost.url}/api/v1/accounts/verify_credentials`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(refused.status).toBe(401);
  });

  test("by the keyboard alone: sign up, follow, post, favourite, reply, delete", async () => {
    await using opened = await openPage(browser, roost.url);
    const { page, problems } = opened;
    await page.goto("/signup");
    await page.getByLabel("Username").focus();
    await page.keyboard.type("siskin");
    await press(page, "Tab");
    await page.keyboard.type("siskin@example.org");
    await press(page, "Tab");
    await page.keyboard.type("a long enough password");
    await press(page, "Tab", "Space", "Tab", "Enter");
    await front(page).getByText("A quiet wire, for now").waitFor();

    await press(page, "/");
    await front(page).getByRole("searchbox").waitFor();
    await page.keyboard.type("wren");
    const row = front(page).getByRole("article", { name: "wren" });
    await row.getByRole("button", { name: /^Follow/ }).waitFor();
    await row.getByRole("button", { name: /^Follow/ }).focus();
    await press(page, "Enter");
    await row.getByRole("button", { name: "Unfollow wren" }).waitFor();

    await press(page, "g", "h");
    await front(page).locator("article").first().waitFor();
    await press(page, "n");
    await page.getByLabel("Your post").waitFor();
    await page.keyboard.type("Typed from the wire");
    await press(page, "Control+Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    const own = front(page).locator("article", { hasText: "Typed from the wire" });
    await own.waitFor();

    await front(page).locator("h1").focus();
    await press(page, "j", "j");
    const focused = page.locator("article:focus");
    await focused.waitFor();
    expect(await focused.textContent()).not.toContain("Typed from the wire");
    await press(page, "f");
    await focused.locator("[data-key=favourite][aria-pressed=true]").waitFor();
    await press(page, "r");
    await page.getByLabel("Your reply").waitFor();
    await page.keyboard.type("heard from below");
    await press(page, "Control+Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    const reply = front(page).locator("article", { hasText: "heard from below" });
    await reply.waitFor();

    await reply.locator("[data-key=more]").focus();
    await press(page, "Enter");
    await page.getByRole("menuitem", { name: "Copy link" }).waitFor();
    await press(page, "End", "Enter");
    await page.getByRole("alertdialog").waitFor();
    await press(page, "Tab", "Enter");
    await reply.waitFor({ state: "detached" });
    expect(problems).toEqual([]);
  });
});

describe("nothing loses its place", () => {
  test("a thread opens over its feed, and Back shows the same post at the same pixel", async () => {
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await openHome(page);
    await scrollTo(page, 3_000);
    const id = await firstInView(page);
    const before = await placeOf(page, id);
    await front(page).locator(`article[data-status="${id}"] [data-key=open]`).click();
    await front(page)
      .getByRole("heading", { name: /^Post by/ })
      .waitFor();
    expect(await page.locator(".layer[inert]").count()).toBe(1);
    await page.goBack();
    expect(Math.abs((await placeOf(page, id)) - before)).toBeLessThanOrEqual(1);
    await settled(page);
    expect(Math.abs((await placeOf(page, id)) - before)).toBeLessThanOrEqual(1);
  });

  test.each(["/", "/@wren", "/explore"])("a reload of %s comes back to the same post", async (path) => {
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await page.goto(path);
    await front(page).locator("article").first().waitFor();
    await scrollTo(page, 5_000);
    const id = await firstInView(page);
    const before = await placeOf(page, id);
    // What is kept for a reload is written shortly after it changes.
    await page.waitForTimeout(600);
    await page.reload();
    await front(page).locator(`article[data-status="${id}"]`).waitFor();
    await settled(page);
    expect(Math.abs((await placeOf(page, id)) - before)).toBeLessThanOrEqual(1);
  });

  test("going elsewhere and home again leads to where home was left", async () => {
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await openHome(page);
    await scrollTo(page, 2_500);
    const id = await firstInView(page);
    const before = await placeOf(page, id);
    await press(page, "g", "n");
    await front(page).getByRole("heading", { name: "Notifications" }).waitFor();
    await press(page, "g", "h");
    await front(page).locator(`article[data-status="${id}"]`).waitFor();
    await settled(page);
    expect(Math.abs((await placeOf(page, id)) - before)).toBeLessThanOrEqual(1);
  });

  test("what was deleted meanwhile is gone after a reload, and nothing else has moved", async () => {
    const doomed = await author.client.publish("Not for long");
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await openHome(page);
    await front(page).getByText("Not for long").waitFor();
    await scrollTo(page, 1_800);
    const id = await firstInView(page);
    const before = await placeOf(page, id);
    await page.waitForTimeout(600);
    await page.goto("about:blank");
    await author.client.delete(`/api/v1/statuses/${doomed.id}`);
    await page.goBack();
    await front(page).locator(`article[data-status="${id}"]`).waitFor();
    await page.waitForTimeout(500);
    await settled(page);
    expect(Math.abs((await placeOf(page, id)) - before)).toBeLessThanOrEqual(1);
    await press(page, "0");
    await front(page).locator("article").first().waitFor();
    await settled(page);
    expect(await front(page).getByText("Not for long").count()).toBe(0);
  });

  test("new posts wait, and showing them moves nothing", async () => {
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    await openHome(page);
    await scrollTo(page, 2_000);
    const id = await firstInView(page);
    const before = await placeOf(page, id);
    for (let i = 0; i < 12; i++) await author.client.publish(`Waiting ${i}. ${sentences(i)}`);
    await front(page).getByRole("button", { name: "12 new posts" }).waitFor();
    expect(Math.abs((await placeOf(page, id)) - before)).toBeLessThanOrEqual(1);
    await press(page, ".");
    await front(page)
      .getByRole("button", { name: /12 new above/ })
      .waitFor();
    expect(Math.abs((await placeOf(page, id)) - before)).toBeLessThanOrEqual(1);
    await settled(page);
    expect(Math.abs((await placeOf(page, id)) - before)).toBeLessThanOrEqual(1);
    await press(page, ".");
    await front(page).getByText("Waiting 11.").waitFor();
    expect(await front(page).evaluate((layer) => layer.scrollTop)).toBe(0);
  });

  test("what the stream missed is marked by a gap, and filled in place", async () => {
    await using opened = await openPage(browser, roost.url, { as: reader });
    const { page } = opened;
    let isCut = false;
    let cut = () => {};
    await page.routeWebSocket(/\/api\/v1\/streaming/, (socket) => {
      if (isCut) {
        void socket.close();
        return;
      }
      socket.connectToServer();
      cut = () => {
        isCut = true;
        void socket.close();
      };
    });
    await openHome(page);
    cut();
    for (let i = 0; i < 55; i++) await author.client.publish(`Missed ${i}.`);
    isCut = false;
    await front(page).getByRole("button", { name: "40 new posts" }).waitFor({ timeout: 40_000 });
    await press(page, ".");
    await scrollTo(page, 3_500);
    const fill = front(page).locator("[data-gap]");
    for (let top = 3_500; (await fill.count()) === 0 && top < 12_000; top += 600) await scrollTo(page, top);
    await fill.scrollIntoViewIfNeeded();
    // By key, since what is above may still find its height and move the button away from the pointer.
    await fill.press("Enter");
    await fill.waitFor({ state: "detached" }).catch(async (error: unknown) => {
      throw new Error(`the gap stays: ${await front(page).locator(".gap-row").textContent()}`, {
        cause: error,
      });
    });
    await front(page).getByText("Missed 14.", { exact: true }).waitFor();
    const ids = await front(page)
      .locator("[data-row]")
      .evaluateAll((rows) => rows.map((row) => (row as unknown as Row).dataset.row ?? ""));
    expect(ids).toEqual([...ids].sort().reverse());
  });
});
