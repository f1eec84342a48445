import type { Status } from "../api/types.ts";
import { plainText } from "../status/sanitize.ts";
import { Avatar, nameOf } from "../ui/avatar.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Composer } from "./composer.tsx";

export default function ComposeSheet({
  replyTo,
  editing,
  text,
  onClose,
}: {
  replyTo?: Status | undefined;
  editing?: Status | undefined;
  text?: string | undefined;
  onClose: () => void;
}) {
  const title = editing ? "Edit post" : replyTo ? `Reply to ${nameOf(replyTo.account)}` : "New post";
  return (
    <Dialog title={title} className="dialog-wide" onClose={onClose}>
      {replyTo && (
        <blockquote className="mb-3 flex gap-3 border-line border-b pb-3 text-sm text-soft">
          <Avatar account={replyTo.account} size="sm" />
          <p className="line-clamp-3 min-w-0 break-words" dir="auto">
            {replyTo.spoiler_text || plainText(replyTo.content)}
          </p>
        </blockquote>
      )}
      <Composer replyTo={replyTo} editing={editing} text={text} onDone={onClose} />
    </Dialog>
  );
}
