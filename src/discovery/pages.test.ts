import { expect, test } from "vitest";
import { RESULTS_MOST, shownPage } from "./pages.ts";

const ALL = Array.from({ length: 200 }, (_, n) => n);

/** Of all numbers those that `isShown`, and how often it was asked for more. */
async function page(offset: number, limit: number, isShown: (n: number) => boolean, all = ALL) {
  let asked = 0;
  const find = async (found: readonly number[], most: number) => {
    asked++;
    return all.slice(found.length, found.length + most);
  };
  const shown = await shownPage(find, async (ids) => ids.filter(isShown), { offset, limit });
  return { shown, asked };
}

test("a page is full though much is hidden, and the next one goes on after it", async () => {
  const isShown = (n: number) => n % 3 === 0;
  expect((await page(0, 10, isShown)).shown).toEqual([0, 3, 6, 9, 12, 15, 18, 21, 24, 27]);
  expect((await page(10, 3, isShown)).shown).toEqual([30, 33, 36]);
  expect((await page(60, 10, isShown)).shown).toEqual([180, 183, 186, 189, 192, 195, 198]);
  expect((await page(70, 10, isShown)).shown).toEqual([]);
});

test("a few hidden ones cost no second question, and many no endless ones", async () => {
  expect(await page(0, 20, (n) => n > 4)).toEqual({ shown: ALL.slice(5, 25), asked: 1 });
  const endless = Array.from({ length: 100_000 }, (_, n) => n);
  const { shown, asked } = await page(0, 20, () => false, endless);
  expect(shown).toEqual([]);
  expect(asked).toBeLessThanOrEqual(10);
});

test("pages by offset end", async () => {
  const endless = Array.from({ length: 5_000 }, (_, n) => n);
  expect((await page(RESULTS_MOST - 1, 5, () => true, endless)).shown).toHaveLength(5);
  expect(await page(RESULTS_MOST, 5, () => true, endless)).toEqual({ shown: [], asked: 0 });
});
