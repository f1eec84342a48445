import { type RefObject, useLayoutEffect, useRef } from "react";
import { Avatar, nameOf } from "../ui/avatar.tsx";
import type { Offer } from "./use-completion.ts";

const HEIGHT_MAX = 256;
const HEIGHT_LEAST = 120;
const EDGE = 8;

/**
 * The list under the text; the cursor stays in the text, which names the chosen one (ARIA's combobox). It's in the top
 * layer: inside the dialog's own scrolling most of it would be out of sight.
 */
export function OfferList({
  id,
  anchor,
  offers,
  chosen,
  onAccept,
}: {
  id: string;
  anchor: RefObject<HTMLElement | null>;
  offers: readonly Offer[];
  chosen: number;
  onAccept: (offer: Offer) => void;
}) {
  const list = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: other offers take another height
  useLayoutEffect(() => {
    if (!list.current || !anchor.current) return;
    if (!list.current.matches(":popover-open")) list.current.showPopover();
    placeBelow(list.current, anchor.current);
  }, [anchor, offers]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another one is chosen among the same
  useLayoutEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [chosen, offers]);
  if (offers.length === 0) return null;
  return (
    <div ref={list} id={id} className="offers" role="listbox" aria-label="Suggestions" popover="manual">
      {offers.map((offer, n) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the text has the keys
        // biome-ignore lint/a11y/useFocusableInteractive: the cursor stays in the text, which names the option
        <div
          key={offer.key}
          id={optionId(id, n)}
          role="option"
          aria-selected={n === chosen}
          // Or the text would lose the cursor.
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => onAccept(offer)}
        >
          {offer.account ? (
            <>
              <Avatar account={offer.account} size="sm" />
              <span className="truncate">
                <bdi className="font-semibold">{nameOf(offer.account)}</bdi>{" "}
                <span className="text-soft">@{offer.account.acct}</span>
              </span>
            </>
          ) : (
            <bdi className="truncate">{offer.label}</bdi>
          )}
        </div>
      ))}
    </div>
  );
}

function placeBelow(list: HTMLElement, anchor: HTMLElement): void {
  const { left, bottom, width } = anchor.getBoundingClientRect();
  const seen = window.visualViewport?.height ?? window.innerHeight;
  const wanted = Math.min(HEIGHT_MAX, list.scrollHeight + 2);
  const room = seen - bottom - EDGE;
  const height = Math.min(wanted, Math.max(room, HEIGHT_LEAST));
  list.style.left = `${left}px`;
  list.style.width = `${width}px`;
  list.style.top = `${Math.max(EDGE, Math.min(bottom, seen - EDGE - height))}px`;
  list.style.maxHeight = `${height}px`;
}

export function optionId(listId: string, n: number): string {
  return `${listId}-${n}`;
}
