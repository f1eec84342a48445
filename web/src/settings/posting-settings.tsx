import { type FormEvent, useState } from "react";
import type { CredentialAccount } from "../api/types.ts";
import { LanguageChoice, VisibilityChoice } from "../compose/choices.tsx";
import { useViewer } from "../session/viewer.ts";
import { Button } from "../ui/button.tsx";
import { Switch } from "../ui/field.tsx";
import { Loading } from "../ui/states.tsx";
import { changePreferences, usePreferences } from "./preferences.ts";
import { useSave } from "./use-save.ts";

export function PostingSettings() {
  const viewer = useViewer();
  return viewer ? <PostingForm viewer={viewer} /> : <Loading what="rows" />;
}

function PostingForm({ viewer }: { viewer: CredentialAccount }) {
  const { source } = viewer;
  const { remindsOfAltText } = usePreferences();
  const [privacy, setPrivacy] = useState(source.privacy);
  const [language, setLanguage] = useState(source.language ?? "");
  const [isSensitive, setIsSensitive] = useState(source.sensitive);
  const { save, isSaving, problem } = useSave();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void save({ source: { privacy, language, sensitive: isSensitive } });
  };
  return (
    <form onSubmit={submit}>
      <p className="mb-2 font-semibold">New posts are</p>
      <VisibilityChoice value={privacy} onChange={setPrivacy} />
      <p className="mt-5 mb-2 font-semibold">and written in</p>
      <LanguageChoice value={language} onChange={setLanguage} hasNone />
      <div className="mt-4 border-line border-t">
        <Switch
          label="Mark pictures as sensitive"
          hint="They are then shown only when asked for."
          isOn={isSensitive}
          onChange={setIsSensitive}
        />
        <Switch
          label="Remind me of picture descriptions"
          hint="Asks once before a post with an undescribed picture goes out. Kept in this browser."
          isOn={remindsOfAltText}
          onChange={(isOn) => changePreferences({ remindsOfAltText: isOn })}
        />
      </div>
      <SaveRow isSaving={isSaving} problem={problem} />
    </form>
  );
}

export function PrivacySettings() {
  const viewer = useViewer();
  return viewer ? <PrivacyForm viewer={viewer} /> : <Loading what="rows" />;
}

function PrivacyForm({ viewer }: { viewer: CredentialAccount }) {
  const [isLocked, setIsLocked] = useState(viewer.locked);
  const [hidesPeople, setHidesPeople] = useState(viewer.source.hide_collections ?? false);
  const [isDiscoverable, setIsDiscoverable] = useState(viewer.source.discoverable ?? false);
  const [isIndexable, setIsIndexable] = useState(viewer.source.indexable ?? false);
  const { save, isSaving, problem } = useSave();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void save({
      locked: isLocked,
      hide_collections: hidesPeople,
      discoverable: isDiscoverable,
      indexable: isIndexable,
    });
  };
  return (
    <form onSubmit={submit}>
      <Switch
        label="Approve followers"
        hint="People ask, and you decide. Posts for followers stay among those you let in."
        isOn={isLocked}
        onChange={setIsLocked}
      />
      <Switch
        label="Hide who I follow"
        hint="Your lists of followers and followed are shown to you only."
        isOn={hidesPeople}
        onChange={setHidesPeople}
      />
      <Switch
        label="Suggest me to others"
        hint="Your profile may be suggested to people who look for accounts to follow."
        isOn={isDiscoverable}
        onChange={setIsDiscoverable}
      />
      <Switch
        label="Let my public posts be found"
        hint="Others find them by searching for words."
        isOn={isIndexable}
        onChange={setIsIndexable}
      />
      <SaveRow isSaving={isSaving} problem={problem} />
    </form>
  );
}

function SaveRow({ isSaving, problem }: { isSaving: boolean; problem: string | null }) {
  return (
    <>
      {problem && (
        <p className="note note-bad" role="alert">
          {problem}
        </p>
      )}
      <Button type="submit" isBusy={isSaving} className="mt-4">
        Save
      </Button>
    </>
  );
}
