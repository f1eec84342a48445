import { Dialog } from "@base-ui/react/dialog";
import { ChevronLeft, ChevronRight, X } from "lucide-react";
import { type KeyboardEvent, useState } from "react";
import type { MediaAttachment } from "../api/types.ts";

export default function Lightbox({
  media,
  index,
  onClose,
}: {
  media: readonly MediaAttachment[];
  index: number;
  onClose: () => void;
}) {
  const [at, setAt] = useState(index);
  const item = media[at];
  if (!item) return null;
  const move = (by: number) => setAt(Math.min(media.length - 1, Math.max(0, at + by)));
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowLeft") move(-1);
    if (event.key === "ArrowRight") move(1);
  };
  const size = item.meta?.original;
  return (
    <Dialog.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop backdrop-deep" />
        <Dialog.Popup className="lightbox" onKeyDown={onKeyDown}>
          <Dialog.Title className="sr-only">
            Picture {at + 1} of {media.length}
          </Dialog.Title>
          {/* biome-ignore lint/a11y/noStaticElementInteractions: a pointer's way to close, besides the button and Escape */}
          {/* biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes */}
          <div
            className="lightbox-stage"
            onClick={(event) => event.target === event.currentTarget && onClose()}
          >
            <img
              key={item.id}
              src={item.url ?? item.preview_url ?? ""}
              alt={item.description ?? "Picture without a description"}
              width={size?.width}
              height={size?.height}
            />
          </div>
          <p className="lightbox-text" dir="auto">
            {item.description || <em>No description</em>}
          </p>
          <Dialog.Close className="lightbox-button top-3 right-3" aria-label="Close">
            <X aria-hidden="true" />
          </Dialog.Close>
          {at > 0 && (
            <button
              type="button"
              className="lightbox-button top-1/2 left-3"
              aria-label="Previous picture"
              onClick={() => move(-1)}
            >
              <ChevronLeft aria-hidden="true" />
            </button>
          )}
          {at < media.length - 1 && (
            <button
              type="button"
              className="lightbox-button top-1/2 right-3"
              aria-label="Next picture"
              onClick={() => move(1)}
            >
              <ChevronRight aria-hidden="true" />
            </button>
          )}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
