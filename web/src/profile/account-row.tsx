import type { ReactNode } from "react";
import type { Account } from "../api/types.ts";
import { accounts, useEntity } from "../feed/entities.ts";
import { Link } from "../navigation/link.tsx";
import { profilePath } from "../navigation/routes.ts";
import { plainText } from "../status/sanitize.ts";
import { Avatar, nameOf } from "../ui/avatar.tsx";
import { FollowButton } from "./follow-button.tsx";

export function AccountRow({ account, tools }: { account: Account; tools?: ReactNode }) {
  const note = plainText(account.note);
  return (
    <article className="account-row" aria-label={nameOf(account)} tabIndex={-1}>
      <Link to={profilePath(account.acct)} tabIndex={-1} aria-hidden="true">
        <Avatar account={account} />
      </Link>
      <div className="min-w-0 flex-1">
        <Link to={profilePath(account.acct)} className="card-author block" data-key="profile">
          <bdi className="card-name block truncate">{nameOf(account)}</bdi>
          <span className="card-handle block truncate">@{account.acct}</span>
        </Link>
        {note && (
          <p className="mt-1 line-clamp-2 break-words text-sm text-soft" dir="auto">
            {note}
          </p>
        )}
      </div>
      <div className="shrink-0">{tools ?? <FollowButton account={account} />}</div>
    </article>
  );
}

/** For lists that hold ids. */
export function AccountRowById({ id }: { id: string }) {
  const account = useEntity(accounts, id);
  return account ? <AccountRow account={account} /> : null;
}
