#!/usr/bin/env bash
# nginx 1.22 (Debian 12): with proxy_cache_background_update and "proxy_cache_use_stale updating", a file that the origin
# has deleted is served from the cache for as long as anybody asks for it.
#
# The pair is what guides advise: whoever asks for something that has expired gets the old copy at once, and nginx asks the
# origin in the background. But the origin's 404 has no time to live of its own, so it isn't stored, and what isn't stored
# doesn't replace the copy. Each request starts another background question, each is answered 404, and each reader gets the
# deleted file with 200. One line mends it: "proxy_cache_valid 404 1s".
#
# Seen: without it, 200 200 200 200 200 200 (the origin said 404 5 times meanwhile); with it, 200 200 404 404 404 404.
set -euo pipefail
command -v nginx >/dev/null || { echo "needs nginx (apt-get install nginx-light)"; exit 2; }
folder=$(mktemp -d)
chmod 755 "$folder"
pids=()
trap 'cd /; kill "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
cat >origin.mjs <<'JS'
import { createServer } from "node:http";
let isThere = true;
let refused = 0;
const server = createServer((request, answer) => {
  if (request.url === "/delete") isThere = false;
  if (request.url === "/refused") return answer.end(`${refused}`);
  if (isThere) return answer.writeHead(200, { "Cache-Control": "max-age=1" }).end("a picture");
  if (request.url !== "/delete") refused++;
  answer.writeHead(404).end();
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
JS
look() { # name, more configuration
  mkdir -p "$1/temp"
  node origin.mjs >"$1/origin" &
  pids+=($!)
  until [ -s "$1/origin" ]; do sleep 0.1; done
  local origin port
  origin=$(cat "$1/origin")
  port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
  cat >"$1/nginx.conf" <<CONF
daemon off; pid $folder/$1/pid; error_log stderr crit; events {}
http {
  access_log off;
  client_body_temp_path $folder/$1/temp/a; proxy_temp_path $folder/$1/temp/b; fastcgi_temp_path $folder/$1/temp/c;
  uwsgi_temp_path $folder/$1/temp/d; scgi_temp_path $folder/$1/temp/e;
  proxy_cache_path $folder/$1/cache keys_zone=files:1m;
  server {
    listen 127.0.0.1:$port;
    location / {
      proxy_pass http://127.0.0.1:$origin;
      proxy_cache files;
      proxy_cache_background_update on;
      proxy_cache_use_stale updating;
      $2
    }
  }
}
CONF
  nginx -p "$folder/$1" -e stderr -c "$folder/$1/nginx.conf" >"$1/log" 2>&1 &
  pids+=($!)
  until curl -sf "http://127.0.0.1:$port/picture" >/dev/null; do sleep 0.1; done
  curl -s -o /dev/null "http://127.0.0.1:$origin/delete" || true
  local seen=""
  for _ in 1 2 3 4 5 6; do
    sleep 1.2
    seen+="$(curl -s -o /dev/null -w '%{http_code} ' "http://127.0.0.1:$port/picture")"
  done
  sleep 0.3
  echo "$1: ${seen% } (the origin said 404 $(curl -s "http://127.0.0.1:$origin/refused") times)"
}
look without "" >seen
look with "proxy_cache_valid 404 1s;" >>seen
seen=$(cat seen)
echo "$seen"
grep -q '^without: 200 200 200 200 200 200' <<<"$seen"
grep -Eq '^with: 200 .*404 404 \(' <<<"$seen"
