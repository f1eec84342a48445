import { sql } from "kysely";
import Type, { type Static } from "typebox";
import { NotFound } from "../../core/errors.ts";
import type { AccountId } from "../../core/ids.ts";
import { normaliseLanguage } from "../../core/languages.ts";
import { visibilityOf } from "../../statuses/visibility.ts";
import type { ApiContext } from "../context.ts";
import { Account } from "./account.ts";

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const CredentialAccount = Type.Object({
  ...Account.properties,
  source: Type.Object({
    privacy: Type.String(),
    sensitive: Type.Boolean(),
    language: Nullable(Type.String()),
    note: Type.String(),
    fields: Type.Array(Type.Object({ name: Type.String(), value: Type.String(), verified_at: Type.Null() })),
    follow_requests_count: Type.Integer(),
    hide_collections: Type.Boolean(),
    discoverable: Type.Boolean(),
    indexable: Type.Boolean(),
  }),
  role: Type.Object({
    id: Type.String(),
    name: Type.String(),
    color: Type.String(),
    permissions: Type.String(),
    highlighted: Type.Boolean(),
  }),
});

export async function credentialAccount(
  context: ApiContext,
  accountId: AccountId,
): Promise<Static<typeof CredentialAccount>> {
  const profile = await context.profiles.get(accountId);
  if (!profile) throw new NotFound();
  const { row } = profile;
  const statement = sql<{ count: number }>`
    select count(*)::int as count from follow_requests where target_id = ${accountId}`;
  const { rows } = await context.database.readNow(({ db }) => statement.execute(db));
  return {
    ...(JSON.parse(profile.json.toString()) as Account),
    source: {
      privacy: visibilityOf(row.default_visibility),
      sensitive: row.default_sensitive,
      language: normaliseLanguage(row.default_language),
      note: row.note,
      fields: row.fields.map(({ name, value }) => ({ name, value, verified_at: null })),
      follow_requests_count: rows[0]?.count ?? 0,
      hide_collections: row.hide_collections,
      discoverable: row.discoverable,
      indexable: row.indexable,
    },
    role: { id: "-99", name: "", color: "", permissions: "0", highlighted: false },
  };
}
