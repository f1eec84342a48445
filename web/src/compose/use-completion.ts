import { type KeyboardEvent, type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import { get } from "../api/client.ts";
import type { Account } from "../api/types.ts";
import { type Completable, type Completion, completableAt, completed, emojiFor } from "./completion.ts";

export type Offer = Completion & { readonly account?: Account; readonly label?: string };

const OFFERED = 6;
/** Answers of this composer's life: a letter taken back shows at once what it showed before. */
const answers = new Map<string, readonly Offer[]>();

/** Offers while a name, a tag or an emoji is typed into the text; the keys that choose among them. */
export function useCompletion(
  textRef: RefObject<HTMLTextAreaElement | null>,
  text: string,
  onChange: (text: string) => void,
) {
  const [typed, setTyped] = useState<Completable | null>(null);
  const [offers, setOffers] = useState<readonly Offer[]>([]);
  const [chosen, setChosen] = useState(0);

  const key = typed && `${typed.kind} ${typed.query.toLowerCase()}`;
  useEffect(() => {
    if (!typed || !key) return setOffers([]);
    const known = answers.get(key);
    if (known) return setOffers(known);
    const abort = new AbortController();
    offersFor(typed, abort.signal)
      .then((found) => {
        answers.set(key, found);
        if (!abort.signal.aborted) setOffers(found);
      })
      // Offers are a help: without them one types on.
      .catch(() => undefined);
    return () => abort.abort();
  }, [key, typed]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: other offers begin at their first
  useEffect(() => setChosen(0), [offers]);

  // As soon as the text is there, and before the next key: a frame later, somebody who types on would type elsewhere.
  const cursorAfter = useRef<number | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text is what the cursor waits for
  useLayoutEffect(() => {
    const cursor = cursorAfter.current;
    if (cursor === null) return;
    cursorAfter.current = null;
    textRef.current?.setSelectionRange(cursor, cursor);
  }, [text, textRef]);

  const look = () => {
    const area = textRef.current;
    const isSelecting = area?.selectionStart !== area?.selectionEnd;
    setTyped(area && !isSelecting ? completableAt(area.value, area.selectionStart) : null);
  };
  const close = () => setTyped(null);
  const accept = (offer: Offer) => {
    const area = textRef.current;
    if (!typed || !area) return;
    const { text: after, cursor } = completed(text, typed, offer);
    cursorAfter.current = cursor;
    onChange(after);
    close();
    area.focus();
  };
  const shown = typed ? offers : [];
  const onKeyDown = (event: KeyboardEvent) => {
    const offer = shown[chosen];
    if (!offer || event.nativeEvent.isComposing) return;
    const turn = { ArrowDown: 1, ArrowUp: shown.length - 1 }[event.key];
    const isAccepting = (event.key === "Enter" && !event.ctrlKey && !event.metaKey) || event.key === "Tab";
    if (turn !== undefined) setChosen((chosen + turn) % shown.length);
    else if (isAccepting) accept(offer);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    // Escape would close the composer, too.
    event.stopPropagation();
  };
  return { offers: shown, chosen, accept, look, close, onKeyDown };
}

async function offersFor({ kind, query }: Completable, signal: AbortSignal): Promise<Offer[]> {
  if (kind === "account") {
    const accounts = await get<Account[]>("/api/v1/accounts/search", {
      query: { q: query, limit: OFFERED },
      signal,
    });
    return accounts.map((account) => ({ key: account.id, text: `@${account.acct}`, account }));
  }
  if (kind === "tag") {
    const { hashtags } = await get<{ hashtags: { name: string }[] }>("/api/v2/search", {
      query: { q: query, type: "hashtags", limit: OFFERED },
      signal,
    });
    return hashtags.map(({ name }) => ({ key: name, text: `#${name}`, label: `#${name}` }));
  }
  const { default: emoji } = await import("emojilib");
  return emojiFor(query, emoji, OFFERED).map(({ emoji: sign, name }) => ({
    key: sign,
    text: sign,
    label: `${sign} ${name.replaceAll("_", " ")}`,
  }));
}
