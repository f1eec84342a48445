import { Search } from "lucide-react";
import { useEffect, useId, useRef, useState } from "react";
import { pathWith } from "../api/client.ts";
import { navigate } from "../navigation/history.ts";

export function SearchField({
  query = "",
  hasFocus = false,
  onType,
}: {
  query?: string;
  hasFocus?: boolean;
  onType?: (query: string) => void;
}) {
  const id = useId();
  const [text, setText] = useState(query);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (hasFocus) input.current?.focus();
  }, [hasFocus]);
  return (
    <search>
      <form
        className="search-field"
        onSubmit={(event) => {
          event.preventDefault();
          if (onType) onType(text);
          else if (text.trim()) navigate(pathWith("/search", { q: text.trim() }));
        }}
      >
        <label htmlFor={id}>
          <Search aria-hidden="true" className="size-4.5" />
          <span className="sr-only">Search people, posts and tags</span>
        </label>
        <input
          ref={input}
          id={id}
          type="search"
          placeholder="Search"
          autoComplete="off"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            onType?.(event.target.value);
          }}
        />
      </form>
    </search>
  );
}
