/** Shows the open sheet. Each kind is its own chunk, fetched when the first one opens. */
import { lazy, Suspense } from "react";
import { closeSheet, type Sheet, useSheet } from "./sheets.ts";

const ComposeSheet = lazy(() => import("../compose/compose-sheet.tsx"));
const Lightbox = lazy(() => import("../status/lightbox.tsx"));
const ConfirmSheet = lazy(() => import("./confirm-sheet.tsx"));
const ShortcutsSheet = lazy(() => import("../keyboard/shortcuts-sheet.tsx"));
const HistorySheet = lazy(() => import("../status/history-sheet.tsx"));
const ListsSheet = lazy(() => import("../lists/lists-sheet.tsx"));

export function SheetHost() {
  const sheet = useSheet();
  if (!sheet) return null;
  return <Suspense>{contentOf(sheet)}</Suspense>;
}

function contentOf(sheet: Sheet) {
  switch (sheet.kind) {
    case "compose":
      return (
        <ComposeSheet
          replyTo={sheet.replyTo}
          editing={sheet.editing}
          text={sheet.text}
          onClose={closeSheet}
        />
      );
    case "lightbox":
      return <Lightbox media={sheet.media} index={sheet.index} onClose={closeSheet} />;
    case "confirm":
      return <ConfirmSheet question={sheet.question} onClose={closeSheet} />;
    case "shortcuts":
      return <ShortcutsSheet onClose={closeSheet} />;
    case "history":
      return <HistorySheet status={sheet.status} onClose={closeSheet} />;
    case "lists":
      return <ListsSheet account={sheet.account} onClose={closeSheet} />;
  }
}
