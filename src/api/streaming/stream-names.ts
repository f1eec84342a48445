/** What can be streamed, by the API's names. */
import { Forbidden, Invalid, NotFound, Unauthenticated } from "../../core/errors.ts";
import { type ListId, requireId } from "../../core/ids.ts";
import { covers, type Viewer } from "../../core/viewer.ts";
import { tagKey } from "../../statuses/text/tags.ts";

export type Stream =
  | { kind: "user"; name: readonly string[]; withStatuses: boolean }
  | { kind: "public"; name: readonly string[]; onlyMedia: boolean; isRemote: boolean }
  | { kind: "hashtag"; name: readonly string[]; tag: string }
  | { kind: "list"; name: readonly string[]; listId: ListId }
  | { kind: "direct"; name: readonly string[] };

export interface StreamRequest {
  readonly stream: string;
  readonly tag?: string | undefined;
  readonly list?: string | undefined;
}

/** ["public", "local"] → "public:local"; of public streams there are some for media alone. */
export function nameOfPath(parts: readonly string[], onlyMedia: boolean): string {
  const ofMedia = onlyMedia && parts[0] === "public" && parts.at(-1) !== "media" ? ["media"] : [];
  return [...parts, ...ofMedia].join(":");
}

/** Throws NotFound for an unknown stream, and what the viewer's token lacks for a known one. */
export function streamOf({ stream, tag, list }: StreamRequest, viewer: Viewer | null): Stream {
  switch (stream) {
    case "user":
      demand(viewer, "read:statuses");
      return { kind: "user", name: [stream], withStatuses: true };
    case "user:notification":
      demand(viewer, "read:notifications");
      return { kind: "user", name: [stream], withStatuses: false };
    case "public":
    case "public:local":
    case "public:remote":
    case "public:media":
    case "public:local:media":
    case "public:remote:media":
      return {
        kind: "public",
        name: [stream],
        onlyMedia: stream.endsWith(":media"),
        // There is nothing from elsewhere here.
        isRemote: stream.includes("remote"),
      };
    case "hashtag":
    case "hashtag:local":
      if (!tag) throw new Invalid("tag is needed to stream a hashtag", 400);
      return { kind: "hashtag", name: [stream, tag], tag: tagKey(tag.replace(/^[#＃]/, "")) };
    case "list":
      demand(viewer, "read:lists");
      if (!list) throw new Invalid("list is needed to stream a list", 400);
      return { kind: "list", name: [stream, list], listId: requireId(list, "list") };
    case "direct":
      demand(viewer, "read:statuses");
      return { kind: "direct", name: [stream] };
    default:
      throw new NotFound("There is no such stream");
  }
}

function demand(viewer: Viewer | null, scope: string): void {
  if (viewer === null || viewer.accountId === null) throw new Unauthenticated("The access token is invalid");
  if (!covers(viewer.scopes, scope)) throw new Forbidden("This action is outside the authorized scopes");
}
