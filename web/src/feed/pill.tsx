/** The offer of new posts. It never acts by itself, and stands in the page's head: over the list it would cover a post. */
import { ArrowUp } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { useLayer } from "../navigation/layer.tsx";
import { Avatar } from "../ui/avatar.tsx";
import { statuses } from "./entities.ts";

const MAX_FACES = 3;
/** Screen readers hear of new posts at most this often. */
const ANNOUNCE_EVERY_MS = 60_000;

export default function Pill({
  waitingIds,
  aboveCount,
  noun,
  onPress,
}: {
  waitingIds: readonly string[];
  /** Shown by an earlier press, above what is being read. */
  aboveCount: number;
  noun: readonly [one: string, many: string];
  onPress: () => void;
}) {
  const count = waitingIds.length;
  const announcement = useAnnouncement(count, noun);
  const { scroller } = useLayer();
  const words =
    count > 0
      ? [`${count} new`, ` ${count === 1 ? noun[0] : noun[1]}`]
      : [`${aboveCount} new above`, " · to the top"];
  const place = scroller.current?.querySelector(".pill-place");
  return (
    <>
      <p aria-live="polite" className="sr-only">
        {announcement}
      </p>
      {place &&
        createPortal(
          <button
            type="button"
            className="pill"
            aria-label={words.join("")}
            onClick={onPress}
            data-key="show-new"
          >
            <ArrowUp aria-hidden="true" className="size-4" />
            <Faces ids={waitingIds} />
            <span>
              {words[0]}
              <span className="pill-more">{words[1]}</span>
            </span>
          </button>,
          place,
        )}
    </>
  );
}

function Faces({ ids }: { ids: readonly string[] }) {
  const authors = new Map(
    ids.map((id) => statuses.get(id)?.account).flatMap((account) => (account ? [[account.id, account]] : [])),
  );
  const faces = [...authors.values()].slice(0, MAX_FACES);
  if (faces.length === 0) return null;
  return (
    <span className="flex -space-x-2" aria-hidden="true">
      {faces.map((account) => (
        <Avatar key={account.id} account={account} size="sm" className="!size-6 ring-2 ring-accent" />
      ))}
    </span>
  );
}

function useAnnouncement(count: number, noun: readonly [string, string]): string {
  const [text, setText] = useState("");
  const lastAt = useRef(0);
  const [one, many] = noun;
  useEffect(() => {
    if (count === 0) {
      setText("");
      return;
    }
    const say = () => {
      lastAt.current = Date.now();
      setText(`${count} new ${count === 1 ? one : many}`);
    };
    const wait = Math.max(0, lastAt.current + ANNOUNCE_EVERY_MS - Date.now());
    const timer = setTimeout(say, wait);
    return () => clearTimeout(timer);
  }, [count, one, many]);
  return text;
}
