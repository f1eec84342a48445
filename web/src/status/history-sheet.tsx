import { useQuery } from "@tanstack/react-query";
import { get } from "../api/client.ts";
import type { Status, StatusEdit } from "../api/types.ts";
import { Dialog } from "../ui/dialog.tsx";
import { fullTime } from "../ui/format.ts";
import { Failure, Loading } from "../ui/states.tsx";
import { Content } from "./content.tsx";

export default function HistorySheet({ status, onClose }: { status: Status; onClose: () => void }) {
  const { data, error, refetch } = useQuery({
    queryKey: ["history", status.id, status.edited_at],
    queryFn: () => get<StatusEdit[]>(`/api/v1/statuses/${status.id}/history`),
  });
  return (
    <Dialog title="Versions" onClose={onClose}>
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Loading />}
      <ol className="flex flex-col gap-5">
        {data?.toReversed().map((version, i) => (
          <li key={version.created_at} className="border-line border-b pb-4 last:border-0">
            <p className="mb-1 text-sm text-soft">
              {fullTime(version.created_at)}
              {i === 0 && " · now"}
              {i === data.length - 1 && " · first"}
            </p>
            {version.spoiler_text && <p className="warning">{version.spoiler_text}</p>}
            <Content html={version.content} />
          </li>
        ))}
      </ol>
    </Dialog>
  );
}
