/** People who ask to follow. */
import { useState } from "react";
import { post } from "../api/client.ts";
import { queryClient } from "../api/queries.ts";
import { accounts, useEntity } from "../feed/entities.ts";
import { FeedList } from "../feed/feed-list.tsx";
import { accountsFeed, feedOf } from "../feed/feeds.ts";
import { Page } from "../navigation/page.tsx";
import { VIEWER_KEY } from "../session/viewer.ts";
import { nameOf } from "../ui/avatar.tsx";
import { Button } from "../ui/button.tsx";
import { Empty } from "../ui/states.tsx";
import { toast, toastProblem } from "../ui/toasts.ts";
import { AccountRow } from "./account-row.tsx";

const REQUESTS = accountsFeed("follow-requests", "/api/v1/follow_requests");

export default function RequestsPage() {
  return (
    <Page title="Follow requests">
      <FeedList
        source={REQUESTS}
        label="Follow requests"
        renderEntry={renderRequest}
        empty={
          <Empty title="No follow requests">
            <p>People who ask to follow you appear here.</p>
          </Empty>
        }
      />
    </Page>
  );
}

const renderRequest = (id: string) => <Request id={id} />;

function Request({ id }: { id: string }) {
  const account = useEntity(accounts, id);
  const [isBusy, setIsBusy] = useState(false);
  if (!account) return null;
  const answer = async (verb: "authorize" | "reject") => {
    setIsBusy(true);
    try {
      await post(`/api/v1/follow_requests/${id}/${verb}`);
      feedOf(REQUESTS).remove((row) => row === id);
      void queryClient.invalidateQueries({ queryKey: VIEWER_KEY });
      toast(verb === "authorize" ? `${nameOf(account)} follows you now` : "Request declined");
    } catch (error) {
      setIsBusy(false);
      toastProblem(error);
    }
  };
  return (
    <AccountRow
      account={account}
      tools={
        <span className="flex flex-wrap justify-end gap-2">
          <Button
            isBusy={isBusy}
            onClick={() => void answer("authorize")}
            aria-label={`Accept ${nameOf(account)}`}
          >
            Accept
          </Button>
          <Button
            look="quiet"
            isBusy={isBusy}
            onClick={() => void answer("reject")}
            aria-label={`Decline ${nameOf(account)}`}
          >
            Decline
          </Button>
        </span>
      }
    />
  );
}
