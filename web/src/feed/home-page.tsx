import { PenLine } from "lucide-react";
import { lazy, Suspense } from "react";
import { Page } from "../navigation/page.tsx";
import { useViewer } from "../session/viewer.ts";
import { StatusCard } from "../status/status-card.tsx";
import { Avatar } from "../ui/avatar.tsx";
import { openSheet } from "../ui/sheets.ts";
import { Loading } from "../ui/states.tsx";
import { FeedList } from "./feed-list.tsx";
import { HOME } from "./feeds.ts";

const FirstRun = lazy(() => import("./first-run.tsx"));

export function HomePage() {
  return (
    <Page title="Home" isRoot>
      <ComposeOffer />
      <FeedList
        source={HOME}
        label="Home timeline"
        renderEntry={renderStatus}
        empty={
          <Suspense fallback={<Loading />}>
            <FirstRun />
          </Suspense>
        }
      />
    </Page>
  );
}

const renderStatus = (id: string) => <StatusCard id={id} />;

function ComposeOffer() {
  const viewer = useViewer();
  return (
    <button type="button" className="compose-offer" onClick={() => openSheet({ kind: "compose" })}>
      {viewer ? <Avatar account={viewer} /> : <span className="avatar avatar-md" />}
      <span className="flex-1 text-left">What's the view from up there?</span>
      <PenLine aria-hidden="true" className="size-5" />
    </button>
  );
}
