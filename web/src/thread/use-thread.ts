import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { get } from "../api/client.ts";
import type { Status, ThreadContext } from "../api/types.ts";
import { putStatus, statuses, useEntity } from "../feed/entities.ts";
import { onReply } from "./thread-news.ts";

/** A post and all around it. The post itself is shown at once when a list had it already. */
export function useThread(id: string) {
  const client = useQueryClient();
  const own = useQuery({
    queryKey: ["status", id],
    queryFn: async () => {
      const status = await get<Status>(`/api/v1/statuses/${id}`);
      putStatus(status);
      return status;
    },
    meta: { isKept: true },
  });
  const around = useQuery({
    queryKey: ["context", id],
    queryFn: async () => {
      const context = await get<ThreadContext>(`/api/v1/statuses/${id}/context`);
      for (const status of [...context.ancestors, ...context.descendants]) putStatus(status);
      return context;
    },
    meta: { isKept: true },
  });
  useEffect(
    () =>
      onReply((reply) => {
        const known = client.getQueryData<ThreadContext>(["context", id]);
        const isHere =
          reply.in_reply_to_id === id ||
          known?.descendants.some((other) => other.id === reply.in_reply_to_id);
        if (isHere) void client.invalidateQueries({ queryKey: ["context", id] });
      }),
    [client, id],
  );
  return { status: useEntity(statuses, id), own, around };
}
