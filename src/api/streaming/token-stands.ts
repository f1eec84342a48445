import type { FastifyRequest } from "fastify";
import type { ApiContext } from "../context.ts";

/** Whether the token that the request came with is still good, wherever it came in: see `auth.ts`. */
export async function tokenStands({ tokens }: ApiContext, request: FastifyRequest): Promise<boolean> {
  const { authorization, "sec-websocket-protocol": protocol } = request.headers;
  const { access_token: asked } = request.query as { access_token?: string };
  const token = authorization?.split(" ")[1] ?? asked ?? protocol?.split(",")[0]?.trim();
  return token !== undefined && (await tokens.get(token)) !== null;
}
