/** Posts as search reads them: from their rows to their words and marks. */
import { type RawBuilder, sql } from "kysely";
import type { AccountId, StatusId } from "../core/ids.ts";
import { MARKS } from "./status-query.ts";
import { type Words, wordsOf } from "./words.ts";

export interface SearchedStatus {
  readonly id: StatusId;
  readonly author_id: AccountId;
  readonly is_public: boolean;
  readonly text: string;
  readonly spoiler_text: string;
  readonly sensitive: boolean;
  readonly language: string | null;
  readonly is_reply: boolean;
  readonly media_types: readonly string[] | null;
  readonly descriptions: readonly string[] | null;
}

/** Those with these ids, a select with the one column `id`. */
export function searchedStatuses(ids: RawBuilder<unknown>): RawBuilder<SearchedStatus> {
  return sql<SearchedStatus>`
    select s.id, s.author_id, s.visibility = 0 as is_public, s.text, s.spoiler_text, s.sensitive, s.language,
      s.in_reply_to_account_id is not null as is_reply, m.media_types, m.descriptions
    from (${ids}) i join statuses s on s.id = i.id
    left join lateral (
      select array_agg(type) as media_types, array_remove(array_agg(description), null) as descriptions
      from media_attachments where status_id = s.id) m on true`;
}

export function wordsOfStatus(status: SearchedStatus): Words {
  const words = wordsOf([status.text, status.spoiler_text, ...(status.descriptions ?? [])]);
  for (const mark of marksOf(status)) words.set(mark, []);
  return words;
}

function marksOf(status: SearchedStatus): string[] {
  const { media_types: media, language } = status;
  return [
    MARKS.from(status.author_id),
    ...(status.is_public ? [MARKS.public] : []),
    ...(media
      ? [MARKS.has("media"), ...media.map((type) => MARKS.has(type === "gifv" ? "video" : type))]
      : []),
    ...(/https?:\/\/\S/i.test(status.text) ? [MARKS.has("link")] : []),
    ...(status.is_reply ? [MARKS.is("reply")] : []),
    ...(status.sensitive ? [MARKS.is("sensitive")] : []),
    // "pt-BR" is found as such, and as Portuguese.
    ...(language
      ? [language, language.split("-")[0] ?? ""].map((code) => MARKS.language(code.toLowerCase()))
      : []),
  ];
}
