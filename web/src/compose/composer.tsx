/** Writing a post, a reply, or an edit. */
import { ImagePlus, TriangleAlert } from "lucide-react";
import { type ClipboardEvent, type DragEvent, type KeyboardEvent, useId, useRef, useState } from "react";
import type { Status } from "../api/types.ts";
import { useInstance } from "../session/viewer.ts";
import { preferences } from "../settings/preferences.ts";
import { Button } from "../ui/button.tsx";
import { AttachmentList } from "./attachment-list.tsx";
import { LanguageChoice, VisibilityChoice } from "./choices.tsx";
import { lengthOf } from "./count.ts";
import { Counter } from "./counter.tsx";
import { OfferList, optionId } from "./offer-list.tsx";
import { useCompletion } from "./use-completion.ts";
import { useComposer } from "./use-composer.ts";

export interface ComposerProps {
  readonly replyTo?: Status | undefined;
  readonly editing?: Status | undefined;
  readonly text?: string | undefined;
  readonly onDone: () => void;
}

const ALWAYS_LONG_ENOUGH = 500;
const MAX_DESCRIPTION = 1_500;

export function Composer(props: ComposerProps) {
  const composer = useComposer(props);
  const { draft, change, attachments: media, send, problem, isSending } = composer;
  const configuration = useInstance()?.configuration;
  const statusLimits = configuration?.statuses;
  const max = statusLimits?.max_characters ?? ALWAYS_LONG_ENOUGH;
  const length = lengthOf(draft.text, {
    warning: draft.hasWarning ? draft.warning : "",
    charactersPerUrl: statusLimits?.characters_reserved_per_url ?? 23,
  });
  const { attachments } = media;
  const [hasReminded, setHasReminded] = useState(false);
  const isUploading = attachments.some((one) => !one.media && !one.problem);
  const isEmpty = draft.text.trim() === "" && attachments.every((one) => !one.media);
  const lacksAlt = attachments.some((one) => one.media && one.description.trim() === "");
  const canAdd = attachments.length < (statusLimits?.max_media_attachments ?? 4);
  const isReminder = hasReminded && lacksAlt;
  const ids = { text: useId(), warning: useId(), note: useId(), offers: useId() };
  const completion = useCompletion(composer.textRef, draft.text, (text) => change({ text }));
  const fileInput = useRef<HTMLInputElement>(null);

  const submit = () => {
    if (isEmpty || isUploading || isSending || length > max) return;
    if (lacksAlt && preferences().remindsOfAltText && !hasReminded) setHasReminded(true);
    else void send();
  };
  const addFiles = (files: Iterable<File>) => {
    const room = (statusLimits?.max_media_attachments ?? 4) - attachments.length;
    media.add([...files].filter((file) => file.type.startsWith("image/")).slice(0, room));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      submit();
    }
  };
  const onPaste = (event: ClipboardEvent) => addFiles(event.clipboardData.files);
  const onDrop = (event: DragEvent) => {
    if (event.dataTransfer.files.length === 0) return;
    event.preventDefault();
    addFiles(event.dataTransfer.files);
  };

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onKeyDown={onKeyDown}
      onPaste={onPaste}
      onDrop={onDrop}
    >
      {draft.hasWarning && (
        <>
          <label htmlFor={ids.warning} className="sr-only">
            Content warning
          </label>
          <input
            id={ids.warning}
            className="field-input mb-2"
            placeholder="Content warning"
            value={draft.warning}
            onChange={(event) => change({ warning: event.target.value })}
          />
        </>
      )}
      <label htmlFor={ids.text} className="sr-only">
        {props.replyTo ? "Your reply" : "Your post"}
      </label>
      <div>
        <textarea
          ref={composer.textRef}
          id={ids.text}
          className="composer-text"
          placeholder={props.replyTo ? "Your reply" : "What's the view from up there?"}
          dir="auto"
          value={draft.text}
          aria-describedby={ids.note}
          aria-invalid={length > max || undefined}
          aria-autocomplete="list"
          aria-controls={completion.offers.length > 0 ? ids.offers : undefined}
          aria-activedescendant={
            completion.offers.length > 0 ? optionId(ids.offers, completion.chosen) : undefined
          }
          onChange={(event) => {
            change({ text: event.target.value });
            completion.look();
          }}
          onClick={completion.look}
          onBlur={completion.close}
          onKeyDown={completion.onKeyDown}
        />
        <OfferList
          id={ids.offers}
          anchor={composer.textRef}
          offers={completion.offers}
          chosen={completion.chosen}
          onAccept={completion.accept}
        />
      </div>
      <AttachmentList
        attachments={attachments}
        maxCharacters={configuration?.media_attachments.description_limit ?? MAX_DESCRIPTION}
        onRemove={media.remove}
        onMove={media.move}
        onDescribe={media.describe}
      />
      <div className="composer-tools">
        <div id={ids.note} role="status" className="basis-full empty:hidden">
          {problem && <p className="note note-bad">{problem}</p>}
          {isReminder && (
            <p className="note">
              {attachments.length === 1 ? "The picture has" : "A picture has"} no description yet. People who
              can't see it would miss it.
            </p>
          )}
        </div>
        <input
          ref={fileInput}
          type="file"
          accept={configuration?.media_attachments.supported_mime_types.join(",") ?? "image/*"}
          multiple
          hidden
          onChange={(event) => {
            addFiles(event.target.files ?? []);
            event.target.value = "";
          }}
        />
        <button
          type="button"
          className="tool"
          aria-label="Add pictures"
          title="Add pictures"
          disabled={!canAdd}
          onClick={() => fileInput.current?.click()}
        >
          <ImagePlus />
        </button>
        <button
          type="button"
          className="tool"
          aria-label="Content warning"
          title="Content warning"
          aria-pressed={draft.hasWarning}
          onClick={() => change({ hasWarning: !draft.hasWarning })}
        >
          <TriangleAlert />
        </button>
        <VisibilityChoice
          isShort
          value={draft.visibility}
          isFixed={props.editing !== undefined}
          onChange={(visibility) => change({ visibility })}
        />
        <LanguageChoice isShort value={draft.language} onChange={(language) => change({ language })} />
        {attachments.length > 0 && (
          <label className="flex min-h-9 items-center gap-2 text-sm">
            <input
              type="checkbox"
              className="checkbox"
              checked={draft.isSensitive}
              onChange={(event) => change({ isSensitive: event.target.checked })}
            />
            Sensitive
          </label>
        )}
        <span className="ml-auto flex items-center gap-3">
          <Counter length={length} max={max} />
          <Button type="submit" isBusy={isSending} disabled={isEmpty || isUploading || length > max}>
            {isReminder ? "Post anyway" : props.editing ? "Save" : props.replyTo ? "Reply" : "Post"}
          </Button>
        </span>
      </div>
    </form>
  );
}
