/** Text of others, with links into this app kept inside it. */
import { type MouseEvent, memo, useLayoutEffect, useRef, useState } from "react";
import type { CustomEmoji } from "../api/types.ts";
import { navigate } from "../navigation/history.ts";
import { isPlainClick } from "../navigation/link.tsx";
import { LINKED, sanitized } from "./sanitize.ts";

/** Longer texts are folded: measured in characters, since measuring pixels would make the list jump. */
const FOLD_CHARACTERS = 1_400;
const FOLD_LINES = 18;

export const Content = memo(function Content({
  html,
  lang,
  emojis = [],
  isFoldable = false,
  className = "",
}: {
  html: string;
  lang?: string | null;
  emojis?: readonly CustomEmoji[];
  isFoldable?: boolean;
  className?: string;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [isOpen, setIsOpen] = useState(false);
  const isFolded = isFoldable && !isOpen && isLong(html);
  useLayoutEffect(() => {
    box.current?.replaceChildren(...nodesOf(html, emojis));
  }, [html, emojis]);
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the links inside are the controls */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: Enter on a link inside arrives as a click */}
      <div
        ref={box}
        className={`content ${isFolded ? "content-folded" : ""} ${className}`}
        lang={lang ?? undefined}
        dir="auto"
        onClick={followInside}
      />
      {isFolded && (
        <button type="button" className="text-link mt-1" onClick={() => setIsOpen(true)}>
          Show all of it
        </button>
      )}
    </>
  );
});

function isLong(html: string): boolean {
  return (
    html.length > FOLD_CHARACTERS && (html.match(/<br|<\/p>/g)?.length ?? 0) + html.length / 90 > FOLD_LINES
  );
}

function followInside(event: MouseEvent<HTMLElement>): void {
  const link = (event.target as Element).closest("a");
  const path = link?.dataset.path;
  if (!path || !isPlainClick(event)) return;
  event.preventDefault();
  event.stopPropagation();
  navigate(path);
}

function nodesOf(html: string, emojis: readonly CustomEmoji[]): ChildNode[] {
  const content = sanitized(html);
  for (const link of content.querySelectorAll("a")) prepareLink(link);
  if (emojis.length > 0) placeEmojis(content, emojis);
  return [...content.childNodes];
}

function prepareLink(link: HTMLAnchorElement): void {
  const url = URL.parse(link.href);
  if (!url || !LINKED.test(url.protocol)) {
    link.removeAttribute("href");
    return;
  }
  if (url.origin === location.origin && /^\/(@|tags\/)/.test(url.pathname)) {
    link.dataset.path = url.pathname + url.search;
    link.href = link.dataset.path;
    return;
  }
  link.target = "_blank";
  link.rel = "nofollow noopener noreferrer";
  link.title = url.href;
}

function placeEmojis(content: Node, emojis: readonly CustomEmoji[]): void {
  const byCode = new Map(emojis.map((emoji) => [emoji.shortcode, emoji]));
  const walker = document.createTreeWalker(content, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  for (const text of texts) {
    const pieces = text.data.split(/:([a-zA-Z0-9_]+):/);
    if (pieces.length === 1) continue;
    text.replaceWith(
      ...pieces.map((piece, i) => {
        const emoji = i % 2 === 1 ? byCode.get(piece) : undefined;
        if (!emoji) return i % 2 === 1 ? `:${piece}:` : piece;
        const image = new Image();
        Object.assign(image, { src: emoji.static_url, alt: `:${piece}:`, className: "custom-emoji" });
        return image;
      }),
    );
  }
}
