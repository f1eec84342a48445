/** What single answers of the API are remembered by, here and across a reload. */
import { QueryClient } from "@tanstack/react-query";
import { Unreachable } from "./errors.ts";

export const KEPT_FOR_MS = 24 * 3600 * 1000;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 20_000,
      gcTime: KEPT_FOR_MS,
      refetchOnWindowFocus: false,
      // Refusals stay refusals; only a lost connection is worth another try.
      retry: (failures, error) => error instanceof Unreachable && failures < 2,
    },
  },
});
