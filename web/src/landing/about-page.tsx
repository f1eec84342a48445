import { Link } from "../navigation/link.tsx";
import { Page } from "../navigation/page.tsx";
import { useInstance } from "../session/viewer.ts";
import { shortCount } from "../ui/format.ts";
import { BirdOnWire } from "../ui/logo.tsx";
import { openSheet } from "../ui/sheets.ts";
import { Loading } from "../ui/states.tsx";

export default function AboutPage() {
  const instance = useInstance();
  return (
    <Page title="About" isRoot>
      {!instance && <Loading what="rows" />}
      {instance && (
        <div className="prose">
          <BirdOnWire className="mb-4 h-16 w-40 text-soft" />
          <p className="font-display text-3xl">{instance.title}</p>
          <p>{instance.description}</p>
          <dl className="facts">
            <div>
              <dt>Address</dt>
              <dd>{instance.domain}</dd>
            </div>
            <div>
              <dt>People</dt>
              <dd>{shortCount(instance.usage.users.active_month)}</dd>
            </div>
            <div>
              <dt>Sign-ups</dt>
              <dd>{instance.registrations.enabled ? "Open" : "Closed"}</dd>
            </div>
            <div>
              <dt>Contact</dt>
              <dd className="break-all">
                <a href={`mailto:${instance.contact.email}`} className="text-link">
                  {instance.contact.email}
                </a>
              </dd>
            </div>
            <div>
              <dt>Version</dt>
              <dd>{instance.version}</dd>
            </div>
          </dl>
          {instance.rules.length > 0 && (
            <>
              <h2>Rules</h2>
              <ol>
                {instance.rules.map((rule) => (
                  <li key={rule.id}>{rule.text}</li>
                ))}
              </ol>
            </>
          )}
          <h2>About Roost</h2>
          <p>
            Roost is a home timeline service. Its interface is the client API of Mastodon, so any Mastodon app
            can sign in here with the address above.
          </p>
          <p className="flex flex-wrap gap-x-5 gap-y-2">
            <button type="button" className="text-link" onClick={() => openSheet({ kind: "shortcuts" })}>
              Keyboard shortcuts
            </button>
            <Link to="/explore" className="text-link">
              Public posts
            </Link>
            <a href="/api/docs" className="text-link">
              The API
            </a>
          </p>
        </div>
      )}
    </Page>
  );
}
