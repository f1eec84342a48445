import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./api/queries.ts";
import { keepQueries } from "./api/query-memory.ts";
import { Shell } from "./navigation/shell.tsx";
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

// What was remembered is there before the first paint, so that a reload shows no skeletons.
await keepQueries(queryClient);
createRoot(root).render(
  <StrictMode>
    <CrashScreen>
      <QueryClientProvider client={queryClient}>
        <Shell />
      </QueryClientProvider>
    </CrashScreen>
  </StrictMode>,
);
