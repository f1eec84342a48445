import type { Account } from "../api/types.ts";

const SIZES = { sm: 28, md: 44, lg: 96 } as const;

/** The name stands beside it wherever it is shown, so it has no text of its own. */
export function Avatar({
  account,
  size = "md",
  className = "",
}: {
  account: Account;
  size?: keyof typeof SIZES;
  className?: string;
}) {
  const px = SIZES[size];
  return (
    <img
      src={account.avatar_static || account.avatar}
      alt=""
      width={px}
      height={px}
      loading="lazy"
      decoding="async"
      className={`avatar avatar-${size} ${className}`}
    />
  );
}

export function nameOf(account: Account): string {
  return account.display_name.trim() || account.username;
}
