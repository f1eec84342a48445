/** The post a thread is about, at its full size. */
import { useId } from "react";
import type { Status } from "../api/types.ts";
import { Link } from "../navigation/link.tsx";
import { profilePath } from "../navigation/routes.ts";
import { StatusActions } from "../status/status-actions.tsx";
import { StatusBody, VISIBILITY_WORD } from "../status/status-card.tsx";
import { Avatar, nameOf } from "../ui/avatar.tsx";
import { counted, fullTime } from "../ui/format.ts";
import { openSheet } from "../ui/sheets.ts";

export function FocusedStatus({ status }: { status: Status }) {
  const labelId = useId();
  const { account } = status;
  return (
    <article
      className="card card-focused"
      tabIndex={-1}
      aria-labelledby={`${labelId}a ${labelId}t ${labelId}m`}
      data-status={status.id}
    >
      <header className="mb-3 flex items-center gap-3">
        <Link to={profilePath(account.acct)} tabIndex={-1} aria-hidden="true" className="card-perch">
          <Avatar account={account} />
        </Link>
        <Link to={profilePath(account.acct)} className="min-w-0 flex-1" data-key="profile">
          <bdi id={`${labelId}a`} className="card-name block truncate text-[1.0625rem]">
            {nameOf(account)}
          </bdi>
          <span className="card-handle block truncate">@{account.acct}</span>
        </Link>
      </header>
      <StatusBody status={status} textId={`${labelId}t`} mediaId={`${labelId}m`} isLarge />
      <p className="mt-3 flex flex-wrap gap-x-2 text-sm text-soft">
        <time dateTime={status.created_at}>{fullTime(status.created_at)}</time>
        <span aria-hidden="true">·</span>
        <span>{VISIBILITY_WORD[status.visibility]}</span>
        {status.application?.name && (
          <>
            <span aria-hidden="true">·</span>
            <span>{status.application.name}</span>
          </>
        )}
        {status.edited_at && (
          <>
            <span aria-hidden="true">·</span>
            <button
              type="button"
              className="text-link"
              onClick={() => openSheet({ kind: "history", status })}
            >
              Edited
            </button>
          </>
        )}
      </p>
      {(status.reblogs_count > 0 || status.favourites_count > 0) && (
        <p className="mt-2 flex gap-4 text-sm text-soft">
          {status.reblogs_count > 0 && <span>{counted(status.reblogs_count, "boost", "boosts")}</span>}
          {status.favourites_count > 0 && (
            <span>{counted(status.favourites_count, "favourite", "favourites")}</span>
          )}
        </p>
      )}
      <StatusActions status={status} />
    </article>
  );
}
