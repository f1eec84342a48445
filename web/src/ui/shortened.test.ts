import { expect, test } from "vitest";
import { shortened } from "./shortened.ts";

test.each([
  ["short enough", 20, "short enough"],
  ["  two\n lines ", 20, "two lines"],
  ["the wind went round to the west", 20, "the wind went round…"],
  ["風が西に回って鳥たちもそれについていった", 8, "風が西に回って鳥…"],
  ["👩‍👩‍👧👩‍👩‍👧", 1, "👩‍👩‍👧…"],
])("%s in %i characters is %s", (text, maxCharacters, shown) => {
  expect(shortened(text, maxCharacters)).toBe(shown);
});
