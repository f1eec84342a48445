/** A post with what it answers above it and its replies below. */
import { MessageCircle } from "lucide-react";
import { useLayoutEffect, useMemo, useRef } from "react";
import type { Status } from "../api/types.ts";
import { statuses, useEntity } from "../feed/entities.ts";
import { navigate } from "../navigation/history.ts";
import { useLayer } from "../navigation/layer.tsx";
import { Link } from "../navigation/link.tsx";
import { Page } from "../navigation/page.tsx";
import { threadPath } from "../navigation/routes.ts";
import { useIsSignedIn } from "../session/session.ts";
import { StatusCard } from "../status/status-card.tsx";
import { nameOf } from "../ui/avatar.tsx";
import { Button } from "../ui/button.tsx";
import { counted } from "../ui/format.ts";
import { openSheet } from "../ui/sheets.ts";
import { Failure, Loading } from "../ui/states.tsx";
import { FocusedStatus } from "./focused-status.tsx";
import { type ThreadNode, treeOf } from "./thread-tree.ts";
import { useThread } from "./use-thread.ts";

export default function ThreadPage({ id }: { id: string }) {
  const { status, own, around } = useThread(id);
  const ancestors = around.data?.ancestors ?? [];
  const descendants = around.data?.descendants;
  const tree = useMemo(() => treeOf(id, descendants ?? []), [id, descendants]);
  const focused = useHeldInPlace(ancestors.length);
  const title = status ? `Post by ${nameOf(status.account)}` : "Post";
  return (
    <Page title={title}>
      {own.error && !status && <Failure error={own.error} onRetry={() => void own.refetch()} />}
      {own.data && !status && <Failure error={own.error ?? new Error("This post was deleted.")} />}
      {own.isPending && !status && <Loading onRetry={() => void own.refetch()} />}
      {status && (
        <div className="thread">
          {ancestors.map((ancestor) => (
            <ThreadCard key={ancestor.id} id={ancestor.id} place="ancestor" />
          ))}
          <div ref={focused}>
            <FocusedStatus status={status} />
          </div>
          <ReplyBar status={status} />
          {around.error && <Failure error={around.error} onRetry={() => void around.refetch()} />}
          {around.isPending && <p className="p-6 text-center text-soft">Looking for replies…</p>}
          {descendants && descendants.length === 0 && (
            <p className="p-8 text-center text-soft">No replies yet.</p>
          )}
          {tree.length > 0 && <Branch nodes={tree} label="Replies" />}
          {/* Room to keep the post where it is while what it answers comes in above it. */}
          <div className="h-[55vh]" aria-hidden="true" />
        </div>
      )}
    </Page>
  );
}

function ThreadCard({ id, place }: { id: string; place: "ancestor" | "reply" }) {
  const status = useEntity(statuses, id);
  if (!status) return <p className="thread-gone">A deleted post</p>;
  return <StatusCard id={id} place={place} />;
}

function Branch({ nodes, label }: { nodes: readonly ThreadNode[]; label?: string }) {
  return (
    <ul className="branch" aria-label={label}>
      {nodes.map((node) => (
        <li key={node.status.id}>
          <ThreadCard id={node.status.id} place="reply" />
          {node.replies.length > 0 && <Branch nodes={node.replies} />}
          {node.hiddenCount > 0 && (
            <Link to={threadPath(node.status)} className="text-link block px-5 pb-4 pl-16">
              Continue this thread · {counted(node.hiddenCount, "reply", "replies")}
            </Link>
          )}
        </li>
      ))}
    </ul>
  );
}

function ReplyBar({ status }: { status: Status }) {
  const isSignedIn = useIsSignedIn();
  const reply = () => (isSignedIn ? openSheet({ kind: "compose", replyTo: status }) : navigate("/login"));
  return (
    <div className="reply-bar">
      <Button look="quiet" className="w-full !justify-start" onClick={reply}>
        <MessageCircle aria-hidden="true" className="size-4" />
        {isSignedIn ? `Reply to ${nameOf(status.account)}` : "Sign in to reply"}
      </Button>
    </div>
  );
}

/** What the post answers arrives later and above it; the post stays where the reader's eyes are. */
function useHeldInPlace(ancestorCount: number) {
  const { scroller } = useLayer();
  const box = useRef<HTMLDivElement>(null);
  const before = useRef<{ top: number; ancestorCount: number } | null>(null);
  useLayoutEffect(() => {
    const top = box.current?.offsetTop ?? null;
    if (top === null) return;
    const last = before.current;
    if (last && scroller.current && last.ancestorCount !== ancestorCount) {
      scroller.current.scrollTop += top - last.top;
    }
    before.current = { top, ancestorCount };
  });
  return box;
}
