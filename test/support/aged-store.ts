import type { MediaStore } from "../../src/engines/media-store/port.ts";

/** The store as it will be listed in a day, when no upload of now is under way any more. */
export function inADay(store: MediaStore): MediaStore {
  return {
    put: (key, body, contentType) => store.put(key, body, contentType),
    get: (key) => store.get(key),
    delete: (key) => store.delete(key),
    list: async function* () {
      for await (const one of store.list()) yield { ...one, ageMs: one.ageMs + 86_400_000 };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
