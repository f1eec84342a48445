import Type, { type Static } from "typebox";
import type { NewToken } from "../../accounts/tokens.ts";

export const Token = Type.Object({
  access_token: Type.String(),
  token_type: Type.Literal("Bearer"),
  scope: Type.String(),
  created_at: Type.Integer(),
});

export function tokenEntity(created: NewToken, scopes: readonly string[]): Static<typeof Token> {
  return {
    access_token: created.token,
    token_type: "Bearer",
    scope: scopes.join(" "),
    created_at: Math.floor(created.createdAt.getTime() / 1000),
  };
}
