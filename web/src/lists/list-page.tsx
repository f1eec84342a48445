import { useQuery } from "@tanstack/react-query";
import { Trash2, Users } from "lucide-react";
import { useState } from "react";
import { get, remove } from "../api/client.ts";
import { queryClient } from "../api/queries.ts";
import type { Account, UserList } from "../api/types.ts";
import { FeedList } from "../feed/feed-list.tsx";
import { feedOf, listFeed } from "../feed/feeds.ts";
import { navigate } from "../navigation/history.ts";
import { Page } from "../navigation/page.tsx";
import { AccountRow } from "../profile/account-row.tsx";
import { StatusCard } from "../status/status-card.tsx";
import { nameOf } from "../ui/avatar.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { ask } from "../ui/sheets.ts";
import { Empty, Failure, Loading } from "../ui/states.tsx";
import { toast, toastProblem } from "../ui/toasts.ts";
import { LISTS_KEY } from "./use-lists.ts";

const POLL_MS = 30_000;

export default function ListPage({ id }: { id: string }) {
  const { data, error, refetch } = useQuery({
    queryKey: ["list", id],
    queryFn: () => get<UserList>(`/api/v1/lists/${id}`),
    meta: { isKept: true },
  });
  const [showsPeople, setShowsPeople] = useState(false);
  if (!data) {
    return (
      <Page title="List">
        {error ? <Failure error={error} onRetry={() => void refetch()} /> : <Loading />}
      </Page>
    );
  }
  return (
    <Page
      title={data.title}
      tools={
        <>
          <IconButton
            label="People on this list"
            aria-pressed={showsPeople}
            onClick={() => setShowsPeople(!showsPeople)}
          >
            <Users />
          </IconButton>
          <IconButton label="Delete this list" onClick={() => askToDelete(data)}>
            <Trash2 />
          </IconButton>
        </>
      }
    >
      {showsPeople ? (
        <Members list={data} />
      ) : (
        <FeedList
          source={listFeed(id)}
          label={`Posts on ${data.title}`}
          renderEntry={renderStatus}
          pollEveryMs={POLL_MS}
          empty={
            <Empty title="Nothing here yet">
              <p>Add people to this list from the menu on their profile.</p>
            </Empty>
          }
        />
      )}
    </Page>
  );
}

const renderStatus = (id: string) => <StatusCard id={id} />;

function Members({ list }: { list: UserList }) {
  const { data, error, refetch } = useQuery({
    queryKey: ["list-members", list.id],
    queryFn: () => get<Account[]>(`/api/v1/lists/${list.id}/accounts`, { query: { limit: 0 } }),
  });
  const takeOff = async (account: Account) => {
    try {
      await remove(`/api/v1/lists/${list.id}/accounts`, { account_ids: [account.id] });
      await refetch();
      void feedOf(listFeed(list.id)).refresh();
    } catch (problem) {
      toastProblem(problem);
    }
  };
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading what="rows" />;
  if (data.length === 0) return <Empty title="No one is on this list" />;
  return data.map((account) => (
    <AccountRow
      key={account.id}
      account={account}
      tools={
        <Button
          look="quiet"
          aria-label={`Take ${nameOf(account)} off the list`}
          onClick={() => void takeOff(account)}
        >
          Take off
        </Button>
      }
    />
  ));
}

function askToDelete(list: UserList): void {
  ask({
    title: `Delete “${list.title}”?`,
    text: "The people on it stay whom you follow.",
    yes: "Delete",
    isDangerous: true,
    onYes: async () => {
      try {
        await remove(`/api/v1/lists/${list.id}`);
        await queryClient.invalidateQueries({ queryKey: LISTS_KEY });
        toast("List deleted");
        navigate("/lists", { replace: true });
      } catch (error) {
        toastProblem(error);
      }
    },
  });
}
