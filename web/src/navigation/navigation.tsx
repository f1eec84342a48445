import {
  Bell,
  Bookmark,
  Compass,
  Heart,
  House,
  Info,
  List,
  type LucideIcon,
  PenLine,
  Search,
  Settings,
  User,
} from "lucide-react";
import type { MouseEvent } from "react";
import { useUnreadCount } from "../notifications/unread.ts";
import { useIsSignedIn } from "../session/session.ts";
import { useViewer } from "../session/viewer.ts";
import { Avatar, nameOf } from "../ui/avatar.tsx";
import { counted } from "../ui/format.ts";
import { Logo } from "../ui/logo.tsx";
import { toTop } from "../ui/motion.ts";
import { openSheet } from "../ui/sheets.ts";
import { useStack } from "./history.ts";
import { isPlainClick, Link } from "./link.tsx";
import { profilePath, type Route, routeOf } from "./routes.ts";

interface Place {
  readonly to: string;
  readonly label: string;
  readonly Icon: LucideIcon;
  readonly badge?: number;
}

export function Rail() {
  const isSignedIn = useIsSignedIn();
  const viewer = useViewer();
  const unread = useUnreadCount();
  const places: Place[] = isSignedIn
    ? [
        { to: "/", label: "Home", Icon: House },
        { to: "/notifications", label: "Notifications", Icon: Bell, badge: unread },
        { to: "/explore", label: "Explore", Icon: Compass },
        { to: "/search", label: "Search", Icon: Search },
        { to: "/bookmarks", label: "Bookmarks", Icon: Bookmark },
        { to: "/favourites", label: "Favourites", Icon: Heart },
        { to: "/lists", label: "Lists", Icon: List },
        { to: "/settings", label: "Settings", Icon: Settings },
      ]
    : [
        { to: "/", label: "Welcome", Icon: House },
        { to: "/explore", label: "Explore", Icon: Compass },
        { to: "/search", label: "Search", Icon: Search },
        { to: "/about", label: "About", Icon: Info },
      ];
  return (
    <nav className="rail" aria-label="Main">
      <Link to="/" className="brand" aria-label="Roost, home">
        <Logo className="size-9" />
        <span className="rail-label font-display text-2xl">Roost</span>
      </Link>
      <ul className="flex flex-col gap-0.5">
        {places.map((place) => (
          <li key={place.to}>
            <NavLink place={place} className="rail-link" labelClass="rail-label" />
          </li>
        ))}
      </ul>
      {isSignedIn ? (
        <button
          type="button"
          className="button button-strong rail-compose"
          onClick={() => openSheet({ kind: "compose" })}
        >
          <PenLine aria-hidden="true" className="size-5" />
          <span className="rail-label">Write a post</span>
          <span className="rail-label-short sr-only">Write a post</span>
        </button>
      ) : (
        <Link to="/login" className="button button-strong rail-compose">
          <User aria-hidden="true" className="size-5" />
          <span className="rail-label">Sign in</span>
          <span className="rail-label-short sr-only">Sign in</span>
        </Link>
      )}
      {viewer && (
        <Link
          to={profilePath(viewer.acct)}
          className="rail-viewer"
          aria-label={`Your profile, @${viewer.acct}`}
        >
          <Avatar account={viewer} className="!size-10" />
          <span className="rail-label min-w-0">
            <span className="block truncate font-semibold">{nameOf(viewer)}</span>
            <span className="block truncate text-sm text-soft">@{viewer.acct}</span>
          </span>
        </Link>
      )}
    </nav>
  );
}

/** Where a button that floats over the page is in no one's way. */
const WITH_COMPOSE: readonly Route["page"][] = ["home", "explore", "notifications", "profile", "tag", "list"];

export function BottomBar() {
  const { page } = routeOf(useStack().current.path);
  const isSignedIn = useIsSignedIn();
  const viewer = useViewer();
  const unread = useUnreadCount();
  if (!isSignedIn) {
    const places: Place[] = [
      { to: "/", label: "Welcome", Icon: House },
      { to: "/explore", label: "Explore", Icon: Compass },
      { to: "/login", label: "Sign in", Icon: User },
    ];
    return <Bar places={places} />;
  }
  const places: Place[] = [
    { to: "/", label: "Home", Icon: House },
    { to: "/explore", label: "Explore", Icon: Compass },
    { to: "/notifications", label: "Notifications", Icon: Bell, badge: unread },
    ...(viewer ? [{ to: profilePath(viewer.acct), label: "You", Icon: User }] : []),
    { to: "/settings", label: "Settings", Icon: Settings },
  ];
  return (
    <>
      {WITH_COMPOSE.includes(page) && (
        <button
          type="button"
          className="compose-fab"
          aria-label="Write a post"
          onClick={() => openSheet({ kind: "compose" })}
        >
          <PenLine aria-hidden="true" className="size-6" />
        </button>
      )}
      <Bar places={places} />
    </>
  );
}

function Bar({ places }: { places: readonly Place[] }) {
  return (
    <nav className="bottom-bar" aria-label="Main, below">
      {places.map((place) => (
        <NavLink key={place.label} place={place} className="bottom-link" labelClass="bottom-label" />
      ))}
    </nav>
  );
}

function NavLink({ place, className, labelClass }: { place: Place; className: string; labelClass: string }) {
  const { current } = useStack();
  const { to, label, Icon, badge = 0 } = place;
  const path = current.path.split("?")[0];
  const isCurrent = to === "/" ? path === "/" || path === "/home" : path === to || path?.startsWith(`${to}/`);
  const name = badge > 0 ? `${label}, ${counted(badge, "unread", "unread")}` : label;
  const onClick = (event: MouseEvent<HTMLAnchorElement>) => {
    if (path !== to || !isPlainClick(event)) return;
    // Already there: once more means to the top.
    event.preventDefault();
    const layer = document.querySelector(".layer[data-active=true]");
    if (layer) toTop(layer);
  };
  return (
    <Link
      to={to}
      className={className}
      aria-label={name}
      aria-current={isCurrent ? "page" : undefined}
      onClick={onClick}
    >
      <span className="relative">
        <Icon aria-hidden="true" className="size-6" />
        {badge > 0 && <span className="nav-badge">{badge > 99 ? "99+" : badge}</span>}
      </span>
      <span className={labelClass}>{label}</span>
    </Link>
  );
}
