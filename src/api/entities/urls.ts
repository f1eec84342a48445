import { tagPath } from "../../statuses/text/tags.ts";

/** Absolute addresses of what we serve. */
export interface Urls {
  readonly base: string;
  profile(username: string): string;
  status(username: string, id: bigint): string;
  tag(tag: string): string;
  /** What the media store holds under this key. */
  media(key: string): string;
  /** A picture drawn from the name, for accounts without one of their own. */
  defaultAvatar(accountId: bigint): string;
  defaultHeader(accountId: bigint): string;
}

export function urlsOf(publicUrl: string): Urls {
  return {
    base: publicUrl,
    profile: (username) => `${publicUrl}/@${username}`,
    status: (username, id) => `${publicUrl}/@${username}/${id}`,
    tag: (tag) => `${publicUrl}${tagPath(tag)}`,
    media: (key) => `${publicUrl}/media/${key}`,
    defaultAvatar: (id) => `${publicUrl}/avatars/${id}.svg`,
    defaultHeader: (id) => `${publicUrl}/headers/${id}.svg`,
  };
}
