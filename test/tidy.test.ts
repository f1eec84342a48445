/** The rules of the layout that a program can hold. All imports are relative with extension: paths are all it takes. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, matchesGlob, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ENGINE_TESTS } from "../vitest.config.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MAX_LINES = 400;
// Code is the formatter's, at 110; comments are wrapped by hand, and the project wraps them at 120.
const MAX_COMMENT_COLUMNS = 120;
const MAX_FILES_IN_FOLDER = 25;

function filesBelow(folder: string): string[] {
  const full = join(ROOT, folder);
  if (!existsSync(full)) return [];
  return readdirSync(full, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/(^|\/)(node_modules|dist)(\/|$)/.test(entry.parentPath))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

const sources = filesBelow("src").filter((file) => file.endsWith(".ts"));
const isTest = (file: string) => /\.test\.ts$|\/contract\.ts$|\/spawned\.ts$/.test(file);
const product = sources.filter((file) => !isTest(file));
const all = [...sources, ...filesBelow("test"), ...filesBelow("bench"), ...filesBelow("scripts")].filter(
  (file) => /\.tsx?$/.test(file),
);
const textOf = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** Without comments and texts, in which anything may be said. */
function codeOf(file: string): string {
  return textOf(file)
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/(^|\s)\/\/.*$/gm, "")
    .replace(/"(?:[^"\\\n]|\\.)*"/g, '""');
}

function importsOf(file: string): string[] {
  const found = textOf(file).matchAll(
    /(?:^|\s)(?:import|export)\s[^;]*?from\s+"([^"]+)"|import\("([^"]+)"\)/g,
  );
  return [...found].map((match) => match[1] ?? match[2] ?? "");
}

const internalImports = (file: string) =>
  importsOf(file)
    .filter((path) => path.startsWith("."))
    .map((path) => relative(ROOT, resolve(ROOT, dirname(file), path)));

/** Lines `file: what` that break a rule. */
function breaches(files: readonly string[], find: (file: string) => readonly string[]): string[] {
  return files.flatMap((file) => find(file).map((what) => `${file}: ${what}`));
}

describe("imports", () => {
  test("end in a file that exists, with its extension", () => {
    const found = breaches(sources, (file) =>
      internalImports(file).filter((path) => !existsSync(join(ROOT, path)) || !/\.\w+$/.test(path)),
    );
    expect(found).toEqual([]);
  });

  const DOMAINS = ["accounts", "relations", "media", "statuses", "feed", "notifications", "discovery"];
  /** What may be imported by files below a folder, of the folders below src. */
  const ALLOWED: Record<string, string[]> = {
    core: ["core"],
    engines: ["engines", "core"],
    cluster: ["cluster", "engines", "core"],
    accounts: ["accounts"],
    relations: ["relations", "accounts"],
    media: ["media", "relations", "accounts"],
    statuses: ["statuses", "media", "relations", "accounts"],
    feed: ["feed", "statuses", "media", "relations", "accounts"],
    notifications: ["notifications", "feed", "statuses", "media", "relations", "accounts"],
    discovery: ["discovery", "feed", "statuses", "media", "relations", "accounts"],
  };

  test.each(Object.entries(ALLOWED))("src/%s goes in its direction only", (folder, allowed) => {
    const ground = DOMAINS.includes(folder) ? ["core", "engines"] : [];
    const found = breaches(
      product.filter((file) => file.startsWith(`src/${folder}/`)),
      (file) =>
        internalImports(file).filter((path) => ![...allowed, ...ground].includes(path.split("/")[1] ?? "")),
    );
    expect(found).toEqual([]);
  });

  test("nothing but the command line imports the composition, and nothing the front doors", () => {
    const found = breaches(
      product.filter((file) => !/^src\/(cli|demo|composition)\/|^src\/(main|composition)\.ts$/.test(file)),
      (file) => internalImports(file).filter((path) => /^src\/(composition\.ts|cli\/)/.test(path)),
    );
    expect(found).toEqual([]);
  });

  test("adapters are known to their engine's folder and to the composition alone", () => {
    const found = breaches(
      product.filter(
        (file) => !/^src\/(composition\.ts|composition\/|engines\/|cli\/|demo\/|cluster\/)/.test(file),
      ),
      (file) =>
        internalImports(file).filter((path) =>
          /^src\/engines\/[^/]+\/(memory|postgres|redis|kafka|folder|s3|smtp|outbox-folder)\.ts$/.test(path),
        ),
    );
    expect(found).toEqual([]);
  });

  test("the web app imports nothing of the server but the rules of texts, which are the same for both", () => {
    const shared = ["src/core/fold.ts", "src/statuses/text/tokens.ts", "src/statuses/text/addresses.ts"];
    const web = filesBelow("web/src").filter((file) => /\.tsx?$/.test(file));
    const foreign = (file: string) =>
      importsOf(file).filter((path) => {
        const target = relative(ROOT, resolve(ROOT, dirname(file), path));
        return (shared.includes(file) || target.startsWith("src/")) && !shared.includes(target);
      });
    expect(breaches([...web, ...shared], foreign)).toEqual([]);
  });

  test("nothing goes in a circle", () => {
    const found: string[] = [];
    const state = new Map<string, "open" | "done">();
    const visit = (file: string, path: string[]): void => {
      if (state.get(file) === "done") return;
      if (state.get(file) === "open") {
        found.push([...path.slice(path.indexOf(file)), file].join(" → "));
        return;
      }
      state.set(file, "open");
      for (const next of valueImports(file)) visit(next, [...path, file]);
      state.set(file, "done");
    };
    for (const file of product) visit(file, []);
    expect(found).toEqual([]);
  });

  /** Types leave no trace when the code runs. */
  function valueImports(file: string): string[] {
    const text = textOf(file).replace(/import type [^;]*;/g, "");
    const paths = [...text.matchAll(/(?:^|\n)(?:import|export)\s[^;]*?from\s+"(\.[^"]+)"/g)];
    return paths
      .map((match) => relative(ROOT, resolve(ROOT, dirname(file), match[1] ?? "")))
      .filter((path) => product.includes(path));
  }
});

describe("time, chance and settings are arguments", () => {
  /** Where a rule doesn't hold, and why. Entries may only go. */
  const EXCEPTIONS: Record<string, RegExp> = {
    // NO_COLOR and TERM are the terminal's; the installed version and the port's owner are asked of the machine.
    "process.env": /^src\/(config\.ts|cli\/|cluster\/process\.ts)/,
    "the clock": /^src\/(core|cli|demo|cluster)\//,
  };

  test("process.env is read in config.ts", () => {
    const found = breaches(
      product.filter((file) => !EXCEPTIONS["process.env"]?.test(file)),
      (file) => codeOf(file).match(/process\.env/g) ?? [],
    );
    expect(found).toEqual([]);
  });

  test("clocks, timers and dice are core's", () => {
    const found = breaches(
      product.filter((file) => !EXCEPTIONS["the clock"]?.test(file)),
      (file) =>
        codeOf(file).match(/Date\.now\(|new Date\(\)|Math\.random\(|setTimeout\(|setInterval\(/g) ?? [],
    );
    expect(found).toEqual([]);
  });
});

describe("sizes", () => {
  test(`a file has at most ${MAX_LINES} lines`, () => {
    const found = breaches(all, (file) => {
      const lines = textOf(file).split("\n").length - 1;
      return lines > MAX_LINES ? [`${lines} lines`] : [];
    });
    expect(found).toEqual([]);
  });

  test(`a comment has at most ${MAX_COMMENT_COLUMNS} columns; code is the formatter's`, () => {
    const found = breaches(product, (file) =>
      textOf(file)
        .split("\n")
        .flatMap((line, i) =>
          /^\s*(\*|\/\/|\/\*)/.test(line) && line.length > MAX_COMMENT_COLUMNS ? [`line ${i + 1}`] : [],
        ),
    );
    expect(found).toEqual([]);
  });

  test(`a folder has at most ${MAX_FILES_IN_FOLDER} files beside their tests`, () => {
    const folders = Map.groupBy(product, (file) => dirname(file));
    const found = [...folders]
      .filter(([, files]) => files.length > MAX_FILES_IN_FOLDER)
      .map(([folder]) => folder);
    expect(found).toEqual([]);
  });
});

test("nothing is left to do silently", () => {
  const marks = new RegExp(`\\b(${["TO", "DO"].join("")}|FIX${"ME"}|X${"XX"})\\b`, "g");
  expect(breaches(all, (file) => textOf(file).match(marks) ?? [])).toEqual([]);
});

test("no path of a developer's machine", () => {
  const machine = new RegExp(["/wo", "rk/(main|shared)|/ho", "me/\\w+/"].join(""), "g");
  expect(breaches([...all, ...filesBelow("docs")], (file) => textOf(file).match(machine) ?? [])).toEqual([]);
});

test("paths that documentation names exist", () => {
  const documents = [...filesBelow("docs"), "README.md"].filter(
    (file) => file.endsWith(".md") && existsSync(join(ROOT, file)),
  );
  const found = breaches(documents, (file) =>
    [...textOf(file).matchAll(/`((?:src|test|bench|scripts|web|docs|deploy)\/[\w./-]+)`/g)]
      .map((match) => match[1] ?? "")
      .filter((path) => !existsSync(join(ROOT, path))),
  );
  expect(found).toEqual([]);
});

test("tests that start an engine or a process are in a project that gives them the time", () => {
  const starts =
    /^src\/(composition\.ts|cluster\/.*|cli\/spawned\.ts|engines\/database\/embedded-server\.ts)$/;
  const found = breaches(
    sources.filter(
      (file) => file.endsWith(".test.ts") && !ENGINE_TESTS.some((glob) => matchesGlob(file, glob)),
    ),
    (file) => internalImports(file).filter((path) => starts.test(path)),
  );
  expect(found).toEqual([]);
});

test("each engine with a port has a contract that its adapters' tests run", () => {
  const engines = readdirSync(join(ROOT, "src/engines")).filter((name) =>
    existsSync(join(ROOT, "src/engines", name, "port.ts")),
  );
  const found = engines.filter((name) => !existsSync(join(ROOT, "src/engines", name, "contract.ts")));
  expect(found).toEqual([]);
});
