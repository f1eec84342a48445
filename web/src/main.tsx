import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./api/queries.ts";
import { keepQueries } from "./api/query-memory.ts";
import { feedOf, HOME } from "./feed/feeds.ts";
import { Shell } from "./navigation/shell.tsx";
import { prepareSanitizer } from "./status/sanitize.ts";
import { CrashScreen } from "./ui/crash-screen.tsx";
import "./styles/app.css";

// After a deploy, an old page may ask for chunks that are gone: once, the new page is fetched instead.
addEventListener("vite:preloadError", (event) => {
  if (sessionStorage.getItem("roost.reloaded") === location.href) return;
  event.preventDefault();
  sessionStorage.setItem("roost.reloaded", location.href);
  location.reload();
});

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");

/** Posts that are here already need no first rendering without them. */
async function openHomeEarly(): Promise<void> {
  if (window.roostEarly?.hasCome) await feedOf(HOME).open({ restore: false });
}

// What was remembered is there before the first paint, so that a reload shows no skeletons; and so is what came early.
await Promise.all([keepQueries(queryClient), prepareSanitizer(), openHomeEarly()]);
createRoot(root).render(
  <StrictMode>
    <CrashScreen>
      <QueryClientProvider client={queryClient}>
        <Shell />
      </QueryClientProvider>
    </CrashScreen>
  </StrictMode>,
);
