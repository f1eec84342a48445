/** Pictures on their way into a post: uploaded as soon as they are chosen, described at any time. */
import { useCallback, useState } from "react";
import { get, put, upload } from "../api/client.ts";
import { sentenceOf } from "../api/errors.ts";
import type { MediaAttachment } from "../api/types.ts";

export interface Attachment {
  readonly key: string;
  readonly previewUrl: string;
  /** Between 0 and 1 while it is sent. */
  readonly progress: number;
  readonly media: MediaAttachment | null;
  readonly description: string;
  readonly problem: string | null;
}

const PROCESSING_POLL_MS = 800;

export function useAttachments(first: readonly MediaAttachment[]) {
  const [attachments, setAttachments] = useState<readonly Attachment[]>(() => first.map(fromMedia));

  const change = useCallback((key: string, change: Partial<Attachment>) => {
    setAttachments((all) => all.map((one) => (one.key === key ? { ...one, ...change } : one)));
  }, []);

  const send = useCallback(
    async (key: string, file: File) => {
      const form = new FormData();
      form.set("file", file);
      try {
        let media = await upload<MediaAttachment>("/api/v2/media", form, (progress) =>
          change(key, { progress }),
        );
        while (media.url === null) {
          await new Promise((resolve) => setTimeout(resolve, PROCESSING_POLL_MS));
          media = await get<MediaAttachment>(`/api/v1/media/${media.id}`);
        }
        change(key, { media, progress: 1 });
      } catch (error) {
        change(key, { problem: sentenceOf(error) });
      }
    },
    [change],
  );

  const add = useCallback(
    (files: readonly File[]) => {
      for (const file of files) {
        const key = `${file.name}-${Math.random()}`;
        const previewUrl = URL.createObjectURL(file);
        const attachment = { key, previewUrl, progress: 0, media: null, description: "", problem: null };
        setAttachments((all) => [...all, attachment]);
        void send(key, file);
      }
    },
    [send],
  );

  const remove = useCallback((key: string) => {
    setAttachments((all) => all.filter((one) => one.key !== key));
  }, []);

  const move = useCallback((key: string, by: -1 | 1) => {
    setAttachments((all) => {
      const from = all.findIndex((one) => one.key === key);
      const to = from + by;
      const [one, other] = [all[from], all[to]];
      if (!one || !other) return all;
      return all.map((each, i) => (i === from ? other : i === to ? one : each));
    });
  }, []);

  const describe = useCallback((key: string, description: string) => change(key, { description }), [change]);

  /** Brings the descriptions to the server before the post that shows them. */
  const settle = useCallback(async () => {
    const undescribed = attachments.filter(
      (one) => one.media && (one.media.description ?? "") !== one.description,
    );
    await Promise.all(
      undescribed.map(async ({ key, media, description }) => {
        const described = await put<MediaAttachment>(`/api/v1/media/${media?.id}`, { description });
        change(key, { media: described });
      }),
    );
  }, [attachments, change]);

  return { attachments, add, remove, move, describe, settle };
}

function fromMedia(media: MediaAttachment): Attachment {
  return {
    key: media.id,
    previewUrl: media.preview_url ?? media.url ?? "",
    progress: 1,
    media,
    description: media.description ?? "",
    problem: null,
  };
}
