/** Every key there is, once: this table is what the keys do, what the help shows, and what the tests walk. */
import { goBack, navigate } from "../navigation/history.ts";
import { scrollToTop } from "../ui/scroll-to-top.ts";
import { openSheet } from "../ui/sheets.ts";
import { moveFocus, onPost } from "./posts.ts";

export type Group = "Reading" | "A post" | "Going places" | "Everywhere";

export interface Shortcut {
  readonly group: Group;
  /** One key, or a sequence with spaces, by `KeyboardEvent.key`. */
  readonly keys: readonly string[];
  readonly does: string;
  readonly needsSignIn?: boolean;
  /** False: there was nothing to do it to, and the key stays the browser's. */
  readonly run: (viewerAcct: string | null) => boolean;
}

const done = (act: () => void) => () => {
  act();
  return true;
};
const go = (path: string) => done(() => navigate(path));

export const SHORTCUTS: readonly Shortcut[] = [
  { group: "Reading", keys: ["j"], does: "Next post", run: () => moveFocus(1) },
  { group: "Reading", keys: ["k"], does: "Previous post", run: () => moveFocus(-1) },
  {
    group: "Reading",
    keys: ["ArrowDown", "PageDown"],
    does: "Next post, from a chosen one",
    run: () => onPost("") && moveFocus(1),
  },
  {
    group: "Reading",
    keys: ["ArrowUp", "PageUp"],
    does: "Previous post, from a chosen one",
    run: () => onPost("") && moveFocus(-1),
  },
  { group: "Reading", keys: ["."], does: "Show new posts; again: to the top", run: showNew },
  { group: "Reading", keys: ["0", "Home"], does: "To the top", run: done(toTop) },
  {
    group: "A post",
    keys: ["Enter", "o"],
    does: "Open",
    run: () => onPost("open", { onlyOnCard: true }) || onPost("profile", { onlyOnCard: true }),
  },
  { group: "A post", keys: ["r"], does: "Reply", needsSignIn: true, run: () => onPost("reply") },
  { group: "A post", keys: ["f", "l"], does: "Favourite", needsSignIn: true, run: () => onPost("favourite") },
  { group: "A post", keys: ["b"], does: "Boost", needsSignIn: true, run: () => onPost("boost") },
  { group: "A post", keys: ["d"], does: "Bookmark", needsSignIn: true, run: () => onPost("bookmark") },
  { group: "A post", keys: ["m"], does: "Mention its author", needsSignIn: true, run: mention },
  { group: "A post", keys: ["p"], does: "Its author's profile", run: () => onPost("profile") },
  { group: "A post", keys: ["e"], does: "Open its pictures", run: () => onPost("open-media") },
  { group: "A post", keys: ["x"], does: "Open or close its warning", run: () => onPost("toggle-warning") },
  { group: "A post", keys: ["h"], does: "Show or hide its media", run: () => onPost("toggle-media") },
  { group: "Going places", keys: ["g h"], does: "Home", run: go("/") },
  {
    group: "Going places",
    keys: ["g n"],
    does: "Notifications",
    needsSignIn: true,
    run: go("/notifications"),
  },
  { group: "Going places", keys: ["g e"], does: "Explore", run: go("/explore") },
  { group: "Going places", keys: ["g l"], does: "Public posts", run: go("/explore") },
  { group: "Going places", keys: ["g b"], does: "Bookmarks", needsSignIn: true, run: go("/bookmarks") },
  { group: "Going places", keys: ["g f"], does: "Favourites", needsSignIn: true, run: go("/favourites") },
  { group: "Going places", keys: ["g i"], does: "Lists", needsSignIn: true, run: go("/lists") },
  {
    group: "Going places",
    keys: ["g p"],
    does: "Your profile",
    needsSignIn: true,
    run: (acct) => acct !== null && go(`/@${acct}`)(),
  },
  { group: "Going places", keys: ["g s"], does: "Settings", needsSignIn: true, run: go("/settings") },
  {
    group: "Everywhere",
    keys: ["n", "c"],
    does: "Write a post",
    needsSignIn: true,
    run: done(() => openSheet({ kind: "compose" })),
  },
  { group: "Everywhere", keys: ["/", "s"], does: "Search", run: go("/search") },
  { group: "Everywhere", keys: ["Backspace", "Escape"], does: "Back", run: done(() => goBack()) },
  { group: "Everywhere", keys: ["?"], does: "These keys", run: done(() => openSheet({ kind: "shortcuts" })) },
];

/** Works where text is typed, so it is no single key and not part of the switch. */
export const TYPING_SHORTCUTS = [{ keys: ["Ctrl Enter"], does: "Send what you are writing" }] as const;

function activeLayer(): HTMLElement | null {
  return document.querySelector<HTMLElement>(".layer[data-active=true]");
}

function showNew(): boolean {
  const pill = activeLayer()?.querySelector<HTMLElement>("[data-key=show-new]");
  if (pill) pill.click();
  else toTop();
  return true;
}

function toTop(): void {
  const layer = activeLayer();
  if (layer) scrollToTop(layer);
}

function mention(): boolean {
  const handle = document.activeElement?.closest("article")?.querySelector(".card-handle")?.textContent;
  if (!handle) return false;
  openSheet({ kind: "compose", text: `${handle.trim()} ` });
  return true;
}
