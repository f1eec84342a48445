/** The pictures of a post. Their boxes have their size before they have loaded: nothing moves. */
import { EyeOff } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import type { MediaAttachment } from "../api/types.ts";
import { openSheet } from "../ui/sheets.ts";

const Blur = lazy(() => import("./blurhash.tsx"));

const TALLEST = 4 / 5;
const WIDEST = 2.4;

export function MediaGrid({
  media,
  isSensitive,
}: {
  media: readonly MediaAttachment[];
  isSensitive: boolean;
}) {
  const [isHidden, setIsHidden] = useState(isSensitive);
  const shown = media.slice(0, 4);
  const first = shown[0];
  if (!first) return null;
  const ratio = shown.length === 1 ? Math.min(WIDEST, Math.max(TALLEST, aspectOf(first))) : 16 / 10;
  return (
    <div className="media-frame" style={{ aspectRatio: ratio }}>
      <div className={`media-grid media-grid-${shown.length}`}>
        {shown.map((item, index) => (
          <Tile
            key={item.id}
            item={item}
            isHidden={isHidden}
            onOpen={() => openSheet({ kind: "lightbox", media, index })}
          />
        ))}
      </div>
      {isHidden ? (
        <button
          type="button"
          className="media-veil"
          onClick={() => setIsHidden(false)}
          data-key="toggle-media"
        >
          <strong>{isSensitive ? "Sensitive" : "Hidden"}</strong>
          <span>Show {shown.length === 1 ? "the picture" : `${media.length} pictures`}</span>
        </button>
      ) : (
        <button
          type="button"
          className="media-hide"
          aria-label="Hide media"
          title="Hide media"
          onClick={() => setIsHidden(true)}
          data-key="toggle-media"
        >
          <EyeOff aria-hidden="true" className="size-4" />
        </button>
      )}
    </div>
  );
}

function Tile({ item, isHidden, onOpen }: { item: MediaAttachment; isHidden: boolean; onOpen: () => void }) {
  const [isLoaded, setIsLoaded] = useState(false);
  const src = item.preview_url ?? item.url;
  const { x = 0, y = 0 } = item.meta?.focus ?? {};
  return (
    <div className="media-tile">
      {item.blurhash && (!isLoaded || isHidden) && (
        <Suspense>
          <Blur hash={item.blurhash} />
        </Suspense>
      )}
      {!isHidden && item.type === "video" && item.url && (
        // biome-ignore lint/a11y/useMediaCaption: the API has no captions, the description stands in for them
        <video src={item.url} controls preload="none" aria-label={item.description ?? "Video"} />
      )}
      {!isHidden && item.type !== "video" && src && (
        <button type="button" onClick={onOpen} className="media-open" data-key="open-media">
          <img
            src={src}
            alt={item.description || "Picture without a description"}
            loading="lazy"
            decoding="async"
            onLoad={() => setIsLoaded(true)}
            style={{ objectPosition: `${50 + x * 50}% ${50 - y * 50}%` }}
          />
        </button>
      )}
      {!isHidden && item.description && (
        <span className="media-alt" aria-hidden="true" title={item.description}>
          ALT
        </span>
      )}
    </div>
  );
}

export function aspectOf(item: MediaAttachment): number {
  const size = item.meta?.small ?? item.meta?.original;
  if (size?.width && size.height) return size.width / size.height;
  return size?.aspect ?? 16 / 9;
}
