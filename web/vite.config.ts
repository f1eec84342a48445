import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { compressed } from "./compressed.ts";

/** Where a Roost runs that `npm run dev` borrows its API from. */
const API = "http://127.0.0.1:3000";
const SERVER_PATHS = ["/api", "/oauth", "/media", "/avatars", "/headers", "/.well-known", "/nodeinfo"];

export default defineConfig({
  plugins: [react(), tailwindcss(), compressed()],
  server: {
    // Some rules of texts are the server's own files.
    fs: { allow: [".."] },
    proxy: Object.fromEntries(SERVER_PATHS.map((path) => [path, { target: API, ws: true }])),
  },
  build: {
    target: "es2023",
    // Browsers of that age know modulepreload themselves.
    modulePreload: { polyfill: false },
    // Small pictures stay files: the content security policy need not know about them.
    assetsInlineLimit: 0,
    // Every file whose name carries a hash is under /assets, cached for good.
    assetsDir: "assets",
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // The first page: two files, of which the libraries change seldom.
            { name: "libraries", test: /node_modules/, tags: ["$initial"] },
            { name: "app", tags: ["$initial"] },
            // Icons and small parts that only later pages share: one file instead of thirty.
            { name: "later", test: /lucide-react|web\/src\/(?!compose|ui\/)/, minShareCount: 3 },
          ],
        },
      },
    },
  },
});
