import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where a Roost runs that `npm run dev` borrows its API from. */
const API = "http://127.0.0.1:3000";
const SERVER_PATHS = ["/api", "/oauth", "/media", "/avatars", "/headers", "/.well-known", "/nodeinfo"];

/** What the home timeline needs at once. */
const FIRST_LIBRARIES =
  /node_modules\/(react|react-dom|scheduler|@tanstack|virtua|dompurify|idb-keyval|fast-blurhash)\//;
/** Dialogs, menus and forms are shared too, but only by what opens later. */
const SHARED =
  /web\/src\/(?!compose|thread\/thread-page|profile\/profile-|settings\/(?!preferences)|landing|lists|ui\/(dialog|field|anchored-menu|confirm)|keyboard\/shortcuts-(table|sheet))/;

export default defineConfig({
  plugins: [react(), tailwindcss()],
  server: {
    // Some rules of texts are the server's own files.
    fs: { allow: [".."] },
    proxy: Object.fromEntries(SERVER_PATHS.map((path) => [path, { target: API, ws: true }])),
  },
  build: {
    target: "es2023",
    // Small pictures stay files: the content security policy need not know about them.
    assetsInlineLimit: 0,
    // Every file whose name carries a hash is under /assets, cached for good.
    assetsDir: "assets",
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "libraries", test: FIRST_LIBRARIES },
            // One file of what the first page and later ones share, instead of thirty small ones.
            { name: "app", test: SHARED, minShareCount: 2 },
          ],
        },
      },
    },
  },
});
