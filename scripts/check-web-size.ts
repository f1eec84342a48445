/** Holds the web app to its size: what a first visit must fetch before it shows anything. After `vite build web`. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const DIST = fileURLToPath(new URL("../web/dist", import.meta.url));
const MOST_BYTES = { js: 110_000, css: 12_000 };

const page = readFileSync(join(DIST, "index.html"), "utf8");
const named = [...page.matchAll(/(?:src|href)="(\/[^"]+\.(js|css))"/g)];

let isOver = false;
for (const [kind, most] of Object.entries(MOST_BYTES)) {
  const files = named.filter((match) => match[2] === kind).map((match) => match[1] ?? "");
  const bytes = files.reduce(
    (sum, path) => sum + gzipSync(readFileSync(join(DIST, path)), { level: 9 }).length,
    0,
  );
  console.log(`first page, ${kind}: ${bytes} of ${most} bytes (gzip)`);
  if (files.length === 0) throw new Error(`web/dist/index.html names no ${kind}: is it built?`);
  if (bytes > most) isOver = true;
  for (const path of files) {
    for (const ending of ["br", "gz"]) {
      if (!existsSync(join(DIST, `${path}.${ending}`)))
        throw new Error(`${path} has no .${ending} beside it`);
    }
  }
}
if (isOver) {
  console.log("Load what isn't needed at once by import(), or take something out.");
  process.exit(1);
}
