import { Ban, Copy, ExternalLink, History, List, Pencil, Trash2, VolumeX } from "lucide-react";
import type { RefObject } from "react";
import { remove } from "../api/client.ts";
import type { Status } from "../api/types.ts";
import { forgetStatus } from "../feed/feeds.ts";
import { currentEntry, goBack } from "../navigation/history.ts";
import { routeOf } from "../navigation/routes.ts";
import { askToBlock, askToMute } from "../profile/relations.ts";
import { currentSession } from "../session/session.ts";
import { AnchoredMenu, MenuItem, MenuLine } from "../ui/anchored-menu.tsx";
import { nameOf } from "../ui/avatar.tsx";
import { ask, openSheet } from "../ui/sheets.ts";
import { toast, toastProblem } from "../ui/toasts.ts";

export default function StatusMenu({
  status,
  anchor,
  isSignedIn,
  onClose,
}: {
  status: Status;
  anchor: RefObject<HTMLElement | null>;
  isSignedIn: boolean;
  onClose: () => void;
}) {
  const isOwn = status.account.id === currentSession().accountId;
  const { account } = status;
  return (
    <AnchoredMenu anchor={anchor} label="More about this post" onClose={onClose}>
      <MenuItem icon={<Copy />} onPress={() => void copyLink(status)}>
        Copy link
      </MenuItem>
      {status.edited_at && (
        <MenuItem icon={<History />} onPress={() => openSheet({ kind: "history", status })}>
          Earlier versions
        </MenuItem>
      )}
      {status.url && !status.url.startsWith(location.origin) && (
        <MenuItem icon={<ExternalLink />} onPress={() => window.open(status.url ?? "", "_blank", "noopener")}>
          Open on its own server
        </MenuItem>
      )}
      {isSignedIn && <MenuLine />}
      {isSignedIn && isOwn && (
        <>
          <MenuItem icon={<Pencil />} onPress={() => openSheet({ kind: "compose", editing: status })}>
            Edit
          </MenuItem>
          <MenuItem icon={<Trash2 />} isDangerous onPress={() => askToDelete(status)}>
            Delete
          </MenuItem>
        </>
      )}
      {isSignedIn && !isOwn && (
        <>
          <MenuItem icon={<List />} onPress={() => openSheet({ kind: "lists", account })}>
            Lists with {nameOf(account)}
          </MenuItem>
          <MenuItem icon={<VolumeX />} onPress={() => askToMute(account)}>
            Mute {nameOf(account)}
          </MenuItem>
          <MenuItem icon={<Ban />} isDangerous onPress={() => askToBlock(account)}>
            Block {nameOf(account)}
          </MenuItem>
        </>
      )}
    </AnchoredMenu>
  );
}

async function copyLink(status: Status): Promise<void> {
  try {
    await navigator.clipboard.writeText(status.url ?? status.uri);
    toast("Link copied");
  } catch {
    toast("This browser doesn't let pages copy", { tone: "problem" });
  }
}

function askToDelete(status: Status): void {
  ask({
    title: "Delete this post?",
    text: "It goes for good, with its favourites, boosts and media. Replies to it stay.",
    yes: "Delete",
    isDangerous: true,
    onYes: () => void deleteNow(status),
  });
}

async function deleteNow(status: Status): Promise<void> {
  try {
    await remove(`/api/v1/statuses/${status.id}`);
    const route = routeOf(currentEntry().path);
    if (route.page === "thread" && route.id === status.id) goBack();
    forgetStatus(status.id);
    toast("Post deleted");
  } catch (error) {
    toastProblem(error);
  }
}
