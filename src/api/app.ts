/** The Fastify instance as our route files see it, and how a route says what it needs. */
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from "fastify";
import { Forbidden, Unauthenticated } from "../core/errors.ts";
import type { SignedIn, Viewer } from "../core/viewer.ts";

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

declare module "fastify" {
  interface FastifyRequest {
    /** Set by the authentication hook; null without a token. */
    viewer: Viewer | null;
  }
  interface FastifyContextConfig {
    /** The scope a token must have for this route; with `anonymous`, only if a token is sent. */
    scope?: string;
    /** Works without a token. */
    anonymous?: boolean;
    /** Works with an app's own token (client credentials). */
    appToken?: boolean;
    /** Which rate limit counts this route besides the general one. */
    limit?: "media" | "delete" | "signUp" | "appRegistration" | "signIn";
  }
}

/** The signed-in account of a request whose route demands one. */
export function signedIn(request: FastifyRequest): SignedIn {
  const viewer = request.viewer;
  if (!viewer) throw new Unauthenticated("The access token is invalid");
  if (viewer.accountId === null) throw new Forbidden("This method requires an authenticated user");
  return viewer as SignedIn;
}
