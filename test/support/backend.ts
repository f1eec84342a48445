/**
 * A server behind a balancer, by itself: `node backend.ts PORT NAME`. It says who it is and what it was told about the
 * client, logs what has an id, and can be slow, stream, and be unready.
 */
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const [port = "0", name = ""] = process.argv.slice(2);
let isLeaving = false;
const asked = new Set<string>();
process.on("SIGUSR2", () => {
  isLeaving = true;
});

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://backend");
  response.setHeader("X-Server", name);
  if (url.pathname === "/readyz") {
    response.statusCode = isLeaving ? (url.searchParams.get("leaving") === "404" ? 404 : 503) : 200;
    response.end();
    return;
  }
  if (url.pathname.startsWith("/api/v1/streaming")) {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write(`event: first\ndata: ${name}\n\n`);
    const more = setInterval(() => response.write("event: more\ndata: x\n\n"), 200);
    response.once("close", () => clearInterval(more));
    return;
  }
  if (url.pathname.startsWith("/media/deleted-soon")) {
    // There once; whoever asks again finds it gone.
    response.statusCode = asked.has(url.pathname) ? 404 : 200;
    asked.add(url.pathname);
    if (response.statusCode === 200) {
      response.setHeader("Cache-Control", "public, max-age=31536000, immutable, s-maxage=1");
      response.setHeader("ETag", '"1"');
    }
  } else if (url.pathname.startsWith("/media/")) {
    response.setHeader("Cache-Control", "public, max-age=31536000, immutable");
    response.setHeader("Content-Type", "image/png");
  } else if (url.pathname.startsWith("/assets/private"))
    response.setHeader("Cache-Control", "private, no-store");
  else response.setHeader("Content-Type", "application/json");
  const { headers, method } = request;
  // What came is known from the log also of a server that never answered it.
  if (url.searchParams.has("id")) console.log(`${method} ${url.searchParams.get("id")}`);
  let sizeBytes = 0;
  request.on("data", (chunk: Buffer) => {
    sizeBytes += chunk.length;
  });
  request.once("end", () =>
    setTimeout(
      () => response.end(JSON.stringify({ name, method, headers, sizeBytes, filler: "x".repeat(2_000) })),
      Number(url.searchParams.get("ms") ?? 0),
    ),
  );
});

new WebSocketServer({ server }).on("connection", (socket) => {
  socket.send(name);
  socket.on("message", (data) => socket.send(`${data}`));
});

server.listen(Number(port), "127.0.0.1");
