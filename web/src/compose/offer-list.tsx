import { Avatar, nameOf } from "../ui/avatar.tsx";
import type { Offer } from "./use-completion.ts";

/** The list under the text; the cursor stays in the text, which names the chosen one (ARIA's combobox). */
export function OfferList({
  id,
  offers,
  chosen,
  onAccept,
}: {
  id: string;
  offers: readonly Offer[];
  chosen: number;
  onAccept: (offer: Offer) => void;
}) {
  if (offers.length === 0) return null;
  return (
    <div id={id} className="offers" role="listbox" aria-label="Suggestions">
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

export function optionId(listId: string, n: number): string {
  return `${listId}-${n}`;
}
