import { Bookmark, ChevronRight, Heart, Info, List, Search, UserPlus } from "lucide-react";
import type { ReactElement } from "react";
import { Link } from "../navigation/link.tsx";
import { Page } from "../navigation/page.tsx";
import { AccountSettings } from "./account-settings.tsx";
import { AppearanceSettings, KeyboardSettings } from "./device-settings.tsx";
import { PostingSettings, PrivacySettings } from "./posting-settings.tsx";
import { ProfileSettings } from "./profile-settings.tsx";

interface Section {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  readonly render: () => ReactElement;
}

const SECTIONS: readonly Section[] = [
  {
    name: "profile",
    title: "Profile",
    about: "Name, words about you, pictures",
    render: () => <ProfileSettings />,
  },
  { name: "appearance", title: "Appearance", about: "Light or dark", render: () => <AppearanceSettings /> },
  {
    name: "posting",
    title: "Posting",
    about: "What new posts start with",
    render: () => <PostingSettings />,
  },
  {
    name: "privacy",
    title: "Privacy",
    about: "Who may follow and find you",
    render: () => <PrivacySettings />,
  },
  { name: "keyboard", title: "Keyboard", about: "Shortcuts, on or off", render: () => <KeyboardSettings /> },
  { name: "data", title: "Account", about: "Your data, signing out", render: () => <AccountSettings /> },
];

/** What the side navigation of wide screens holds, for those that have only the bar below. */
const SHELF = [
  { to: "/bookmarks", label: "Bookmarks", Icon: Bookmark },
  { to: "/favourites", label: "Favourites", Icon: Heart },
  { to: "/lists", label: "Lists", Icon: List },
  { to: "/follow-requests", label: "Follow requests", Icon: UserPlus },
  { to: "/search", label: "Search", Icon: Search },
  { to: "/about", label: "About", Icon: Info },
] as const;

export default function SettingsPage({ section }: { section: string | null }) {
  const chosen = SECTIONS.find((one) => one.name === section);
  if (chosen) {
    return (
      <Page title={chosen.title} subtitle="Settings">
        <div className="p-5">{chosen.render()}</div>
      </Page>
    );
  }
  return (
    <Page title="Settings" isRoot>
      <h2 className="section-title">Your pages</h2>
      <ul className="shelf">
        {SHELF.map(({ to, label, Icon }) => (
          <li key={to}>
            <Link to={to} className="shelf-link">
              <Icon aria-hidden="true" className="size-5 text-accent" />
              {label}
            </Link>
          </li>
        ))}
      </ul>
      <h2 className="section-title">Settings</h2>
      <ul>
        {SECTIONS.map((one) => (
          <li key={one.name}>
            <Link to={`/settings/${one.name}`} className="account-row items-center">
              <span className="min-w-0 flex-1">
                <span className="block font-semibold">{one.title}</span>
                <span className="block text-sm text-soft">{one.about}</span>
              </span>
              <ChevronRight aria-hidden="true" className="size-5 text-soft" />
            </Link>
          </li>
        ))}
      </ul>
    </Page>
  );
}
