/** Routes → pages. What isn't needed for the home timeline comes in chunks of its own. */
import { lazy, type ReactElement, Suspense } from "react";
import { HomePage } from "../feed/home-page.tsx";
import { useIsSignedIn } from "../session/session.ts";
import { Empty, Loading } from "../ui/states.tsx";
import { useLayer } from "./layer.tsx";
import { Link } from "./link.tsx";
import { Page } from "./page.tsx";
import type { Route } from "./routes.ts";

const loadThread = () => import("../thread/thread-page.tsx");
const loadProfile = () => import("../profile/profile-page.tsx");
const ThreadPage = lazy(loadThread);
const ProfilePage = lazy(loadProfile);
const TagPage = lazy(() => import("../feed/simple-feed-pages.tsx").then((m) => ({ default: m.TagPage })));
const MarkedPage = lazy(() =>
  import("../feed/simple-feed-pages.tsx").then((m) => ({ default: m.MarkedPage })),
);
const LandingPage = lazy(() => import("../landing/landing-page.tsx"));
const AboutPage = lazy(() => import("../landing/about-page.tsx"));
const ExplorePage = lazy(() => import("../explore/explore-page.tsx"));
const SearchPage = lazy(() => import("../explore/search-page.tsx"));
const NotificationsPage = lazy(() => import("../notifications/notifications-page.tsx"));
const ListsPage = lazy(() => import("../lists/lists-page.tsx"));
const ListPage = lazy(() => import("../lists/list-page.tsx"));
const SettingsPage = lazy(() => import("../settings/settings-page.tsx"));
const RequestsPage = lazy(() => import("../profile/requests-page.tsx"));
const ComposePage = lazy(() => import("../compose/compose-page.tsx"));
const SignupPage = lazy(() => import("../session/signup-page.tsx"));
const LoginPage = lazy(() => import("../session/login-page.tsx").then((m) => ({ default: m.LoginPage })));
const CallbackPage = lazy(() =>
  import("../session/login-page.tsx").then((m) => ({ default: m.CallbackPage })),
);

/** Where most go next. */
export function prefetchPages(): void {
  void Promise.allSettled([loadThread(), loadProfile()]);
}

/** Pages of one's own: visitors are asked to sign in. */
const PERSONAL: readonly Route["page"][] = [
  "notifications",
  "bookmarks",
  "favourites",
  "lists",
  "list",
  "settings",
  "requests",
  "compose",
];

export function CurrentPage() {
  const { route } = useLayer();
  const isSignedIn = useIsSignedIn();
  if (!isSignedIn && PERSONAL.includes(route.page)) return <SignInFirst />;
  return <Suspense fallback={<Loading />}>{isSignedIn ? pageFor(route) : visitorsPage(route)}</Suspense>;
}

function visitorsPage(route: Route): ReactElement {
  return route.page === "home" ? <LandingPage /> : pageFor(route);
}

function pageFor(route: Route): ReactElement {
  switch (route.page) {
    case "home":
      return <HomePage />;
    case "explore":
      return <ExplorePage />;
    case "search":
      return <SearchPage query={route.query} kind={route.kind} />;
    case "notifications":
      return <NotificationsPage />;
    case "bookmarks":
    case "favourites":
      return <MarkedPage kind={route.page} />;
    case "lists":
      return <ListsPage />;
    case "list":
      return <ListPage key={route.id} id={route.id} />;
    case "tag":
      return <TagPage key={route.tag} tag={route.tag} />;
    case "profile":
      return <ProfilePage key={route.acct} acct={route.acct} tab={route.tab} />;
    case "thread":
      return <ThreadPage key={route.id} id={route.id} />;
    case "compose":
      return <ComposePage text={route.text} replyTo={route.replyTo} />;
    case "settings":
      return <SettingsPage section={route.section} />;
    case "requests":
      return <RequestsPage />;
    case "about":
      return <AboutPage />;
    case "signup":
      return <SignupPage />;
    case "login":
      return <LoginPage />;
    case "callback":
      return <CallbackPage />;
    case "missing":
      return <Missing />;
  }
}

function Missing() {
  return (
    <Page title="Not here">
      <Empty title="This perch is empty">
        <p>There is no page at this address.</p>
        <Link to="/" className="button button-quiet">
          Back to home
        </Link>
      </Empty>
    </Page>
  );
}

function SignInFirst() {
  return (
    <Page title="Sign in">
      <Empty title="This page is yours alone">
        <p>Sign in to see it.</p>
        <Link to="/login" className="button button-strong">
          Sign in
        </Link>
      </Empty>
    </Page>
  );
}
