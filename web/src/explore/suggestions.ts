import { useQuery } from "@tanstack/react-query";
import { get } from "../api/client.ts";
import type { Account, Suggestion } from "../api/types.ts";
import { useIsSignedIn } from "../session/session.ts";

/** People the server would introduce. */
export function useSuggestions(): readonly Account[] {
  const isSignedIn = useIsSignedIn();
  const { data } = useQuery({
    queryKey: ["suggestions"],
    queryFn: () => get<Suggestion[]>("/api/v2/suggestions", { query: { limit: 20 } }),
    enabled: isSignedIn,
    staleTime: 300_000,
  });
  return (data ?? []).map((suggestion) => suggestion.account);
}
