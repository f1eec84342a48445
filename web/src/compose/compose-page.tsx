/** The composer at an address of its own, for links and shared texts. */
import { useQuery } from "@tanstack/react-query";
import { get } from "../api/client.ts";
import type { Status } from "../api/types.ts";
import { navigate } from "../navigation/history.ts";
import { Page } from "../navigation/page.tsx";
import { Failure, Loading } from "../ui/states.tsx";
import { Composer } from "./composer.tsx";

export default function ComposePage({ text, replyTo }: { text: string; replyTo: string | null }) {
  const parent = useQuery({
    queryKey: ["status", replyTo],
    queryFn: () => get<Status>(`/api/v1/statuses/${replyTo}`),
    enabled: replyTo !== null,
  });
  return (
    <Page title={replyTo ? "Reply" : "New post"}>
      {parent.error && <Failure error={parent.error} onRetry={() => void parent.refetch()} />}
      {replyTo && parent.isPending && <Loading />}
      {(!replyTo || parent.data) && (
        <div className="p-5">
          <Composer replyTo={parent.data} text={text || undefined} onDone={() => navigate("/")} />
        </div>
      )}
    </Page>
  );
}
