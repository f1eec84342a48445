import { useQuery } from "@tanstack/react-query";
import { get } from "../api/client.ts";
import type { UserList } from "../api/types.ts";

export const LISTS_KEY = ["lists"] as const;

export function useLists() {
  return useQuery({
    queryKey: LISTS_KEY,
    queryFn: () => get<UserList[]>("/api/v1/lists"),
    meta: { isKept: true },
  });
}
