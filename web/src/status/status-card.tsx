/** A post in a list. */
import { CornerUpLeft, Globe, Lock, Mail, MoonStar, Repeat2 } from "lucide-react";
import { type MouseEvent, memo, useId, useState } from "react";
import type { Status, Visibility } from "../api/types.ts";
import { statuses, useEntity } from "../feed/entities.ts";
import { navigate } from "../navigation/history.ts";
import { isPlainClick, Link } from "../navigation/link.tsx";
import { profilePath, threadPath } from "../navigation/routes.ts";
import { preferences } from "../settings/preferences.ts";
import { Age } from "../ui/age.tsx";
import { Avatar, nameOf } from "../ui/avatar.tsx";
import { Content } from "./content.tsx";
import { MediaGrid } from "./media-grid.tsx";
import { StatusActions } from "./status-actions.tsx";

const VISIBILITY_ICON = { public: Globe, unlisted: MoonStar, private: Lock, direct: Mail } as const;
export const VISIBILITY_WORD: Readonly<Record<Visibility, string>> = {
  public: "Public",
  unlisted: "Quiet public",
  private: "Followers only",
  direct: "Mentioned people only",
};

type Place = "list" | "ancestor" | "reply";

export const StatusCard = memo(function StatusCard({ id, place = "list" }: { id: string; place?: Place }) {
  const wrapper = useEntity(statuses, id);
  const shown = useEntity(statuses, wrapper?.reblog?.id ?? id);
  if (!wrapper || !shown) return null;
  return <Card wrapper={wrapper} status={shown} place={place} />;
});

function Card({ wrapper, status, place }: { wrapper: Status; status: Status; place: Place }) {
  const labelId = useId();
  const [author, text, media, age, handle, boosted] = ["a", "t", "m", "g", "h", "b"].map((x) => labelId + x);
  const isBoost = wrapper.id !== status.id;
  const { account } = status;
  const open = (event: MouseEvent) => {
    const isOnControl = (event.target as Element).closest("a,button,video,input,[role=menu]");
    const isSelecting = (getSelection()?.toString() ?? "") !== "";
    if (!isOnControl && !isSelecting && isPlainClick(event)) navigate(threadPath(status));
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the time inside is the same link for the keyboard, and so is Enter
    <article
      className={`card card-${place}`}
      tabIndex={-1}
      aria-labelledby={`${author} ${text} ${media} ${age} ${handle} ${boosted}`}
      data-status={status.id}
      onClick={open}
    >
      {isBoost && (
        <p id={boosted} className="card-context">
          <Repeat2 aria-hidden="true" className="size-4" />
          <span>
            <Link to={profilePath(wrapper.account.acct)}>{nameOf(wrapper.account)}</Link> boosted
          </span>
        </p>
      )}
      {!isBoost && status.in_reply_to_id && place === "list" && <ReplyContext status={status} />}
      <div className="card-body">
        <Link to={profilePath(account.acct)} tabIndex={-1} aria-hidden="true" className="card-perch">
          <Avatar account={account} />
        </Link>
        <div className="min-w-0 flex-1">
          <header className="card-head">
            <Link to={profilePath(account.acct)} className="card-author" data-key="profile">
              <bdi id={author} className="card-name">
                {nameOf(account)}
              </bdi>{" "}
              <span id={handle} className="card-handle">
                @{account.acct}
              </span>
            </Link>
            <VisibilityMark visibility={status.visibility} />
            <Link to={threadPath(status)} id={age} className="card-age" data-key="open">
              <Age of={status.created_at} />
              {status.edited_at && <span title="Edited">*</span>}
            </Link>
          </header>
          <StatusBody status={status} textId={text} mediaId={media} />
          <StatusActions status={status} />
        </div>
      </div>
    </article>
  );
}

function ReplyContext({ status }: { status: Status }) {
  const isSelf = status.in_reply_to_account_id === status.account.id;
  const parent = status.in_reply_to_id ? statuses.get(status.in_reply_to_id)?.account : undefined;
  const to = parent ?? status.mentions.find((mention) => mention.id === status.in_reply_to_account_id);
  return (
    <p className="card-context">
      <CornerUpLeft aria-hidden="true" className="size-4" />
      <span>{isSelf ? "Continues a thread" : to ? `Replying to @${to.acct}` : "In a conversation"}</span>
    </p>
  );
}

function VisibilityMark({ visibility }: { visibility: Visibility }) {
  if (visibility === "public") return null;
  const Icon = VISIBILITY_ICON[visibility];
  return (
    <span className="text-soft" title={VISIBILITY_WORD[visibility]}>
      <Icon aria-hidden="true" className="size-3.5" />
      <span className="sr-only">{VISIBILITY_WORD[visibility]}</span>
    </span>
  );
}

/** Warning, text and media: the same in a list and in its thread. */
export function StatusBody({
  status,
  textId,
  mediaId,
  isLarge = false,
}: {
  status: Status;
  textId?: string | undefined;
  mediaId?: string | undefined;
  isLarge?: boolean;
}) {
  const [isOpen, setIsOpen] = useState(() => status.spoiler_text === "" || preferences().opensWarnings);
  const warning = status.spoiler_text;
  return (
    <>
      {warning && (
        <div className="warning">
          <p id={isOpen ? undefined : textId} dir="auto">
            {warning}
          </p>
          <button
            type="button"
            className="warning-button"
            aria-expanded={isOpen}
            onClick={() => setIsOpen(!isOpen)}
            data-key="toggle-warning"
          >
            {isOpen ? "Show less" : "Show more"}
          </button>
        </div>
      )}
      {isOpen && (
        <div id={textId}>
          <Content
            html={status.content}
            lang={status.language}
            emojis={status.emojis}
            isFoldable={!isLarge}
            className={isLarge ? "content-large" : ""}
          />
        </div>
      )}
      {isOpen && status.media_attachments.length > 0 && (
        <>
          <span id={mediaId} className="sr-only">
            {mediaSummary(status)}
          </span>
          <MediaGrid
            media={status.media_attachments}
            isSensitive={status.sensitive && !warning && !preferences().opensWarnings}
          />
        </>
      )}
    </>
  );
}

function mediaSummary({ media_attachments: media }: Status): string {
  const described = media.map((item) => item.description).filter(Boolean);
  const count = media.length === 1 ? "One picture" : `${media.length} pictures`;
  return described.length > 0 ? `${count}: ${described.join("; ")}` : `${count} without description`;
}
