/**
 * The same bytes as the app's home page, on the same connection, with nothing of the app: the same files are fetched, the
 * same libraries are run, and the posts' words are put into paragraphs. What an app takes longer than this is its own.
 */
import { readFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

const PAGE = fileURLToPath(new URL("../../web/dist/index.html", import.meta.url));

export interface BarePage extends AsyncDisposable {
  /** Serves the app at /, as Roost does, and the bare page at /bare. */
  readonly url: string;
}

export async function serveBarePage(roostUrl: string): Promise<BarePage> {
  const bare = bareHtml(readFileSync(PAGE, "utf8"));
  const server = createServer((incoming, outgoing) => {
    if (incoming.url === "/bare") {
      outgoing.writeHead(200, { "Content-Type": "text/html" }).end(bare);
      return;
    }
    const { method, url, headers } = incoming;
    const passedOn = request(`${roostUrl}${url}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passedOn.on("error", () => outgoing.destroy());
    incoming.pipe(passedOn);
  });
  // The app opens a stream, which counts for nothing here.
  server.on("upgrade", (_incoming, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function bareHtml(app: string): string {
  const scripts = [...app.matchAll(/(?:src|href)="(\/assets\/[^"]+\.js)"/g)].map((match) => match[1] ?? "");
  const isLibrary = (path: string) => /\/(libraries|rolldown)/.test(path);
  const libraries = scripts.filter(isLibrary);
  const rest = scripts.filter((path) => !isLibrary(path));
  if (libraries.length === 0 || rest.length === 0) throw new Error("index.html names no libraries or no app");
  const withoutScripts = app
    .replace(/<script type="module"[^>]*><\/script>/, "")
    .replace(/<link rel="modulepreload"[^>]*>/g, "");
  return withoutScripts.replace(
    "</body>",
    `<script type="module">
      const home = fetch("/api/v1/timelines/home?limit=20", {
        headers: { Authorization: "Bearer " + localStorage.getItem("roost.token") },
      });
      const rest = ${JSON.stringify(rest)}.map((path) => fetch(path).then((answer) => answer.text()));
      const [posts] = await Promise.all([
        home.then((answer) => answer.json()),
        ...${JSON.stringify(libraries)}.map((path) => import(path)),
        ...rest,
      ]);
      document.getElementById("root").replaceChildren(
        ...posts.slice(0, 8).map((post) => {
          const paragraph = document.createElement("p");
          paragraph.textContent = new DOMParser().parseFromString(post.content, "text/html").body.textContent;
          return paragraph;
        }),
      );
    </script>
  </body>`,
  );
}
