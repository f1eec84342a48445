import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { get, post, put } from "../api/client.ts";
import { sentenceOf } from "../api/errors.ts";
import type { Status, StatusSource } from "../api/types.ts";
import { putStatus, statuses } from "../feed/entities.ts";
import { feedOf, HOME, profileFeed } from "../feed/feeds.ts";
import { navigate } from "../navigation/history.ts";
import { threadPath } from "../navigation/routes.ts";
import { currentSession } from "../session/session.ts";
import { useViewer } from "../session/viewer.ts";
import { noteReply } from "../thread/thread-news.ts";
import { toast } from "../ui/toasts.ts";
import { ownLanguage } from "./choices.tsx";
import type { ComposerProps } from "./composer.tsx";
import { type Draft, dropDraft, keepDraft, keptDraft, mentionsFor, narrower, newSendKey } from "./draft.ts";
import { useAttachments } from "./use-attachments.ts";

export function useComposer({ replyTo, editing, text, onDone }: ComposerProps) {
  const viewer = useViewer();
  const client = useQueryClient();
  const target = editing ? `edit-${editing.id}` : replyTo ? `reply-${replyTo.id}` : "new";
  const [draft, setDraft] = useState<Draft>(() => {
    const kept = text ? null : keptDraft(target);
    return kept ?? firstDraft({ replyTo, editing, text, viewer: viewer?.source });
  });
  const attachments = useAttachments(editing?.media_attachments ?? []);
  const [problem, setProblem] = useState<string | null>(null);
  const [isSending, setIsSending] = useState(false);
  const textRef = useGrowingText(draft.text);

  const change = useCallback(
    (change: Partial<Draft>) => {
      setDraft((before) => {
        const after = { ...before, ...change };
        keepDraft(target, after);
        return after;
      });
    },
    [target],
  );

  useEffect(() => {
    if (!editing || keptDraft(target)) return;
    // Editing starts from what was typed, which the HTML doesn't tell.
    void get<StatusSource>(`/api/v1/statuses/${editing.id}/source`)
      .then((source) =>
        setDraft((before) => ({
          ...before,
          text: source.text,
          warning: source.spoiler_text,
          hasWarning: source.spoiler_text !== "",
        })),
      )
      .catch((error: unknown) => setProblem(sentenceOf(error)));
  }, [editing, target]);

  const send = async () => {
    setIsSending(true);
    setProblem(null);
    try {
      await attachments.settle();
      const media = attachments.attachments.flatMap((one) => (one.media ? [one.media] : []));
      const body = {
        status: draft.text,
        spoiler_text: draft.hasWarning ? draft.warning : "",
        language: draft.language,
        sensitive: draft.isSensitive && media.length > 0,
        media_ids: media.map((one) => one.id),
      };
      const status = editing
        ? await put<Status>(`/api/v1/statuses/${editing.id}`, body)
        : await post<Status>(
            "/api/v1/statuses",
            { ...body, visibility: draft.visibility, ...(replyTo ? { in_reply_to_id: replyTo.id } : {}) },
            { headers: { "Idempotency-Key": draft.sendKey } },
          );
      dropDraft(target);
      if (editing) putStatus(status);
      else published(status, replyTo);
      void client.invalidateQueries({ queryKey: ["account", status.account.acct] });
      onDone();
    } catch (error) {
      setProblem(sentenceOf(error));
    } finally {
      setIsSending(false);
    }
  };

  return { draft, change, attachments, send, problem, isSending, textRef };
}

function firstDraft(options: {
  replyTo: Status | undefined;
  editing: Status | undefined;
  text: string | undefined;
  viewer: { privacy: Draft["visibility"]; language: string | null; sensitive: boolean } | undefined;
}): Draft {
  const { replyTo, editing, viewer } = options;
  const preferred = viewer?.privacy ?? "public";
  const warning = (editing ?? replyTo)?.spoiler_text ?? "";
  return {
    text: options.text ?? (replyTo ? mentionsFor(replyTo, currentSession().accountId) : ""),
    warning,
    hasWarning: warning !== "",
    visibility: editing?.visibility ?? (replyTo ? narrower(preferred, replyTo.visibility) : preferred),
    language: editing?.language ?? viewer?.language ?? ownLanguage(),
    isSensitive: editing?.sensitive ?? viewer?.sensitive ?? false,
    sendKey: newSendKey(),
  };
}

/** One's own post is on screen at once, wherever it belongs. */
function published(status: Status, replyTo: Status | undefined): void {
  putStatus(status);
  feedOf(HOME).insertOwn(status);
  feedOf(profileFeed(status.account.id, "with_replies")).insertOwn(status);
  if (!replyTo) feedOf(profileFeed(status.account.id, "posts")).insertOwn(status);
  if (status.media_attachments.length > 0) feedOf(profileFeed(status.account.id, "media")).insertOwn(status);
  if (replyTo) {
    const known = statuses.get(replyTo.id);
    if (known) statuses.patch(replyTo.id, { replies_count: known.replies_count + 1 });
    noteReply(status);
  }
  toast(replyTo ? "Reply posted" : "Posted", {
    action: { label: "View", run: () => navigate(threadPath(status)) },
  });
}

/** As high as its text, with the cursor at the end when it opens. */
function useGrowingText(text: string) {
  const ref = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const area = ref.current;
    area?.focus();
    area?.setSelectionRange(area.value.length, area.value.length);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text is what the height depends on
  useLayoutEffect(() => {
    const area = ref.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
  }, [text]);
  return ref;
}
