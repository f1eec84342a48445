/** The signed-in account, as the server describes it. */
import { type QueryClient, useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { get } from "../api/client.ts";
import type { CredentialAccount, Instance } from "../api/types.ts";
import { rememberAccount, useIsSignedIn } from "./session.ts";

export const VIEWER_KEY = ["viewer"] as const;

export function useViewer(): CredentialAccount | null {
  const isSignedIn = useIsSignedIn();
  const { data } = useQuery({
    queryKey: VIEWER_KEY,
    queryFn: () => get<CredentialAccount>("/api/v1/accounts/verify_credentials"),
    enabled: isSignedIn,
    staleTime: 60_000,
    meta: { isKept: true },
  });
  useEffect(() => {
    if (data) rememberAccount(data.id);
  }, [data]);
  return isSignedIn ? (data ?? null) : null;
}

export function useInstance(): Instance | undefined {
  const { data } = useQuery({
    queryKey: ["instance"],
    queryFn: () => get<Instance>("/api/v2/instance", { token: null }),
    staleTime: 10 * 60_000,
    meta: { isKept: true },
  });
  return data;
}

export function viewerChanged(client: QueryClient, account: CredentialAccount): void {
  client.setQueryData(VIEWER_KEY, account);
  client.setQueryData(["account", account.acct], account);
}
