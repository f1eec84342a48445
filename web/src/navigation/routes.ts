/** Addresses ↔ pages. The one place that knows how a path reads. */
export type Route =
  | { readonly page: "home" | "explore" | "notifications" | "bookmarks" | "favourites" | "lists" }
  | { readonly page: "requests" | "about" | "signup" | "login" | "callback" | "missing" }
  | { readonly page: "compose"; readonly text: string; readonly replyTo: string | null }
  | { readonly page: "search"; readonly query: string; readonly kind: SearchKind }
  | { readonly page: "tag"; readonly tag: string }
  | { readonly page: "list"; readonly id: string }
  | { readonly page: "settings"; readonly section: string | null }
  | { readonly page: "profile"; readonly acct: string; readonly tab: ProfileTab }
  | { readonly page: "thread"; readonly acct: string; readonly id: string };

export type SearchKind = "all" | "accounts" | "statuses" | "hashtags";
export type ProfileTab = "posts" | "with_replies" | "media" | "followers" | "following";

const PROFILE_TABS: readonly string[] = ["with_replies", "media", "followers", "following"];
const SEARCH_KINDS: readonly string[] = ["accounts", "statuses", "hashtags"];
const PLAIN: Readonly<Record<string, Route>> = {
  "": { page: "home" },
  home: { page: "home" },
  explore: { page: "explore" },
  public: { page: "explore" },
  notifications: { page: "notifications" },
  bookmarks: { page: "bookmarks" },
  favourites: { page: "favourites" },
  lists: { page: "lists" },
  "follow-requests": { page: "requests" },
  about: { page: "about" },
  signup: { page: "signup" },
  login: { page: "login" },
  "login/callback": { page: "callback" },
};

export function routeOf(path: string): Route {
  const { pathname, searchParams } = new URL(path, "http://any.invalid");
  const parts = pathname.split("/").filter(Boolean).map(decode);
  const [first = "", second] = parts;
  const plain = PLAIN[parts.join("/")];
  if (plain) return plain;
  if (first.startsWith("@") && first.length > 1 && parts.length <= 2) {
    return profileRoute(first.slice(1), second);
  }
  if (first === "search" && parts.length === 1) {
    const kind = searchParams.get("type") ?? "";
    return {
      page: "search",
      query: searchParams.get("q") ?? "",
      kind: SEARCH_KINDS.includes(kind) ? (kind as SearchKind) : "all",
    };
  }
  if (first === "compose" && parts.length === 1) {
    return { page: "compose", text: searchParams.get("text") ?? "", replyTo: searchParams.get("reply") };
  }
  if (first === "tags" && second && parts.length === 2) return { page: "tag", tag: second };
  if (first === "lists" && second && parts.length === 2) return { page: "list", id: second };
  if (first === "settings" && parts.length <= 2) return { page: "settings", section: second ?? null };
  return { page: "missing" };
}

function profileRoute(acct: string, second: string | undefined): Route {
  if (second === undefined) return { page: "profile", acct, tab: "posts" };
  if (/^\d+$/.test(second)) return { page: "thread", acct, id: second };
  if (PROFILE_TABS.includes(second)) return { page: "profile", acct, tab: second as ProfileTab };
  return { page: "missing" };
}

export function profilePath(acct: string, tab: ProfileTab = "posts"): string {
  return tab === "posts" ? `/@${acct}` : `/@${acct}/${tab}`;
}

export function threadPath(status: { id: string; account: { acct: string } }): string {
  return `/@${status.account.acct}/${status.id}`;
}

export function tagPath(name: string): string {
  return `/tags/${encodeURIComponent(name)}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
