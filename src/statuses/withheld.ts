/** Statuses that one has a right to, but not to what they say: one's marks on them can be taken back. */
import { NotFound } from "../core/errors.ts";
import { type AccountId, type StatusId, timeOfIdMs } from "../core/ids.ts";
import { type AccessContext, onlyVisible } from "./access.ts";
import { type StatusFacts, StatusRecord } from "./records.ts";
import { visibilityCode } from "./visibility.ts";

/**
 * The status that a mark was just taken from; where its owner may see it no more, without its contents. Throws NotFound
 * when it's gone.
 */
export async function visibleOrWithheld(
  context: AccessContext,
  id: StatusId,
  viewerId: AccountId,
): Promise<StatusRecord> {
  const record = await context.statuses.get(id);
  if (!record) throw new NotFound();
  const [visible] = await onlyVisible(context, [record], viewerId);
  return visible ?? withheld(record.facts);
}

/** The viewer's own status or boost. Throws NotFound when it's gone or another's. */
export async function requireOwn(
  context: AccessContext,
  id: StatusId,
  viewerId: AccountId,
): Promise<StatusRecord> {
  const record = await context.statuses.get(id);
  if (record?.facts.authorId !== viewerId) throw new NotFound();
  return visibleOrWithheld(context, id, viewerId);
}

/** Whose it is and when it was written; clients show nothing instead of what they knew. */
function withheld({ id, authorId, visibility }: StatusFacts): StatusRecord {
  const row = {
    id,
    author_id: authorId,
    visibility: visibilityCode(visibility),
    text: "",
    spoiler_text: "",
    sensitive: false,
    language: null,
    in_reply_to_id: null,
    in_reply_to_account_id: null,
    reblog_of_id: null,
    reblog_of_account_id: null,
    application_name: null,
    application_website: null,
    created_at: new Date(timeOfIdMs(id)),
    edited_at: null,
    replies_count: 0,
    reblogs_count: 0,
    favourites_count: 0,
    mentions: [],
    tags: [],
    media: [],
  };
  return StatusRecord.of(row, null);
}
