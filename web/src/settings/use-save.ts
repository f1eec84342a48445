import { useState } from "react";
import { patch } from "../api/client.ts";
import { sentenceOf } from "../api/errors.ts";
import { queryClient } from "../api/queries.ts";
import type { CredentialAccount } from "../api/types.ts";
import { viewerChanged } from "../session/viewer.ts";
import { toast } from "../ui/toasts.ts";

/** Saves a change to the account, and says how that went. */
export function useSave() {
  const [isSaving, setIsSaving] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const save = async (change: FormData | Record<string, unknown>) => {
    setIsSaving(true);
    setProblem(null);
    try {
      viewerChanged(
        queryClient,
        await patch<CredentialAccount>("/api/v1/accounts/update_credentials", change),
      );
      toast("Saved");
    } catch (error) {
      setProblem(sentenceOf(error));
    } finally {
      setIsSaving(false);
    }
  };
  return { save, isSaving, problem };
}
