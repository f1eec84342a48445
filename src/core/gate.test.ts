import { expect, test } from "vitest";
import { Unavailable } from "./errors.ts";
import { Gate } from "./gate.ts";

/** Works that end when told to, and the order in which they begin. */
function works(gate: Gate) {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const start = (name: string, owner?: string) =>
    gate.run(() => {
      begun.push(name);
      return new Promise<void>((resolve) => ends.push(resolve));
    }, owner);
  const endOne = async () => {
    ends.shift()?.();
    await new Promise(setImmediate);
  };
  return { begun, start, endOne };
}

test("so many run at a time, so many wait in their order, and no more", async () => {
  const { begun, start, endOne } = works(new Gate({ concurrent: 2, waiting: 2 }));
  const runs = ["a", "b", "c", "d"].map((name) => start(name));
  await expect(start("e")).rejects.toThrow(Unavailable);
  expect(begun).toEqual(["a", "b"]);
  await endOne();
  expect(begun).toEqual(["a", "b", "c"]);
  const late = start("f");
  for (let i = 0; i < 4; i++) await endOne();
  await Promise.all([...runs, late]);
  expect(begun).toEqual(["a", "b", "c", "d", "f"]);
});

test("owners take turns, so that many works of one delay another's by one", async () => {
  const { begun, start, endOne } = works(new Gate({ concurrent: 1, waiting: 10 }));
  const runs = [
    ...["a1", "a2", "a3", "a4"].map((name) => start(name, "a")),
    ...["b1", "b2"].map((name) => start(name, "b")),
    start("c1", "c"),
  ];
  for (let i = 0; i < 7; i++) await endOne();
  await Promise.all(runs);
  expect(begun).toEqual(["a1", "a2", "b1", "c1", "a3", "b2", "a4"]);
});

test("a place is free again after a failure", async () => {
  const gate = new Gate({ concurrent: 1, waiting: 0 });
  await expect(gate.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await expect(gate.run(async () => "yes")).resolves.toBe("yes");
});
