/** What visitors see at the front: what this is, and what is being said here right now. */
import { BellOff, ListOrdered, Plug } from "lucide-react";
import { PublicTimeline } from "../explore/explore-page.tsx";
import { Link } from "../navigation/link.tsx";
import { Page } from "../navigation/page.tsx";
import { LookAround } from "../session/look-around.tsx";
import { useInstance } from "../session/viewer.ts";
import { DuskScene } from "./dusk-scene.tsx";

const PROMISES = [
  {
    Icon: ListOrdered,
    title: "Everything, in order",
    text: "Your home timeline holds every post of everyone you follow, newest first. Nothing is ranked, and nothing is left out.",
  },
  {
    Icon: BellOff,
    title: "Nothing jumps",
    text: "New posts wait until you ask for them. Go back, reload, look elsewhere in between: you are where you were.",
  },
  {
    Icon: Plug,
    title: "Bring your own app",
    text: "Any Mastodon client signs in here. This web app uses the same public interface as all the others.",
  },
] as const;

export default function LandingPage() {
  const instance = useInstance();
  const title = instance?.title ?? "Roost";
  const mayJoin = instance?.registrations.enabled ?? true;
  return (
    <Page title="Welcome" isRoot isHeadingHidden>
      <section className="hero" aria-label="Welcome">
        <DuskScene className="hero-scene" />
        <div className="hero-words">
          <p className="hero-title">Where your day comes home to roost</p>
          <p className="hero-text">
            {title} is a calm place for short posts. You choose whom to follow; it shows you all of it, in
            order, and keeps your place.
          </p>
          <p className="mt-6 flex flex-wrap gap-3">
            {mayJoin && (
              <Link to="/signup" className="button button-strong button-large">
                Create an account
              </Link>
            )}
            <Link to="/login" className="button button-on-dusk button-large">
              Sign in
            </Link>
            {instance?.demo && <LookAround demo={instance.demo} className="button-on-dusk" />}
          </p>
        </div>
      </section>
      <ul className="promises">
        {PROMISES.map(({ Icon, title: name, text }) => (
          <li key={name}>
            <Icon aria-hidden="true" className="size-6 text-accent" />
            <h2>{name}</h2>
            <p>{text}</p>
          </li>
        ))}
      </ul>
      <div className="live-head">
        <h2 className="live-title">
          <span className="live-dot" aria-hidden="true" /> Being said here now
        </h2>
        <div className="pill-place" />
      </div>
      <PublicTimeline />
    </Page>
  );
}
