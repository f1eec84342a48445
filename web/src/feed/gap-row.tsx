import { useState } from "react";
import { sentenceOf } from "../api/errors.ts";
import { Button } from "../ui/button.tsx";
import type { Feed } from "./feed.ts";

/** Posts were missed between the row above and the row below. */
export function GapRow({ feed, newerId, olderId }: { feed: Feed; newerId: string; olderId: string }) {
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const fill = async () => {
    setIsBusy(true);
    setProblem(null);
    try {
      await feed.fillGap({ newerId, olderId });
    } catch (error) {
      setProblem(sentenceOf(error));
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <div className="gap-row" data-row={`gap-${olderId}`}>
      <p>{problem ?? "There are more posts between these."}</p>
      <Button look="quiet" isBusy={isBusy} onClick={() => void fill()} data-gap>
        Load them
      </Button>
    </div>
  );
}
