import Type, { type Static } from "typebox";
import type { RelationshipRow } from "../../relations/queries.ts";

export const Relationship = Type.Object({
  id: Type.String(),
  following: Type.Boolean(),
  showing_reblogs: Type.Boolean(),
  notifying: Type.Boolean(),
  languages: Type.Null(),
  followed_by: Type.Boolean(),
  blocking: Type.Boolean(),
  blocked_by: Type.Boolean(),
  muting: Type.Boolean(),
  muting_notifications: Type.Boolean(),
  muting_expires_at: Type.Union([Type.String(), Type.Null()]),
  requested: Type.Boolean(),
  requested_by: Type.Boolean(),
  domain_blocking: Type.Boolean(),
  endorsed: Type.Boolean(),
  note: Type.String(),
});

export function relationshipEntity(row: RelationshipRow): Static<typeof Relationship> {
  return {
    ...row,
    id: `${row.id}`,
    muting_expires_at: row.muting_expires_at?.toISOString() ?? null,
    languages: null,
    domain_blocking: false,
    endorsed: false,
  };
}
