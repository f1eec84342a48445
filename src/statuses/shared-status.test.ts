import fc from "fast-check";
import { expect, test } from "vitest";
import { sharedStatusForm } from "./shared-status.ts";
import { VISIBILITIES } from "./visibility.ts";

const id = fc.bigInt({ min: 1n, max: 2n ** 63n - 1n });
const facts = fc.record({
  id,
  authorId: id,
  visibility: fc.constantFrom(...VISIBILITIES),
  inReplyToId: fc.option(id),
  inReplyToAccountId: fc.option(id),
  reblogOfId: fc.option(id),
  mentionIds: fc.array(id),
  tags: fc.array(fc.string({ unit: "grapheme" })),
  hasMedia: fc.boolean(),
});
const bytes = fc.uint8Array().map((array) => Buffer.from(array));

test("a shared status comes back as it was, whatever is in it", () => {
  const status = fc.record({ facts, text: fc.record({ head: bytes, tail: bytes }) });
  fc.assert(
    fc.property(status, (shared) => {
      expect(sharedStatusForm.decode(sharedStatusForm.encode(shared))).toEqual(shared);
    }),
  );
});
