/** From what a client sent to what is stored: checked, cleaned, and with its mentions and hashtags found. */
import { Invalid, NotFound } from "../core/errors.ts";
import type { AccountId, MediaId, StatusId } from "../core/ids.ts";
import { requireVisible } from "./access.ts";
import type { StatusesContext } from "./context.ts";
import { findMentioned, findUnattachedMedia } from "./queries.ts";
import { countCharacters } from "./text/tokens.ts";
import { cleanInput, isBlank, parseText } from "./text.ts";
import type { Visibility } from "./visibility.ts";

export interface Draft {
  readonly text: string;
  readonly spoilerText: string;
  readonly sensitive: boolean;
  readonly visibility: Visibility;
  readonly language: string | null;
  readonly inReplyToId: StatusId | null;
  readonly mediaIds: readonly MediaId[];
}

export interface CheckedText {
  readonly text: string;
  readonly spoilerText: string;
  /** Whether it was given a warning. What is behind one is sensitive, whether the client says so or not. */
  readonly isWarned: boolean;
  readonly mentions: readonly { id: AccountId; username: string }[];
  readonly tags: readonly string[];
}

export const MAX_MEDIA_ATTACHMENTS = 4;
const MAX_MENTIONS = 100;
const MAX_TAGS = 100;

/** Throws Invalid when the text is missing, too long, or can't be text. */
export async function checkText(
  context: StatusesContext,
  input: { text: string; spoilerText: string; hasMedia: boolean },
): Promise<CheckedText> {
  // A bound on what is even looked at; the real count comes after cleaning.
  const rawLimit = context.maxCharacters * 50;
  if (input.text.length > rawLimit || input.spoilerText.length > rawLimit)
    throw tooLong(context.maxCharacters);
  const cleaned = shownPart(input.text);
  const warning = shownPart(input.spoilerText);
  // A warning before nothing is what its author has to say.
  const isText = cleaned === "" && !input.hasMedia;
  const [text, spoilerText] = isText ? [warning, ""] : [cleaned, warning];
  if (text === "" && !input.hasMedia) throw new Invalid("Validation failed: Text can't be blank");
  if (countCharacters(text) + countCharacters(spoilerText) > context.maxCharacters) {
    throw tooLong(context.maxCharacters);
  }
  const parsed = parseText(text, context.ownHost);
  if (parsed.mentions.length > MAX_MENTIONS)
    throw new Invalid(`A post can mention ${MAX_MENTIONS} accounts at most`);
  if (parsed.tags.length > MAX_TAGS) throw new Invalid(`A post can have ${MAX_TAGS} hashtags at most`);
  return {
    text,
    spoilerText,
    isWarned: warning !== "",
    mentions: await findMentioned(context.database.db, parsed.mentions),
    tags: parsed.tags,
  };
}

/**
 * Cleaned, without the white space around it. An ideographic space at the start stays: it's how a Japanese paragraph
 * begins.
 */
function shownPart(input: string): string {
  const text = cleanInput(input);
  return isBlank(text) ? "" : text.trimEnd().replace(/^[ \t\n]+/, "");
}

/** The author of the status replied to. Throws NotFound when the author of the draft can't see it. */
export async function replyTarget(
  context: StatusesContext,
  authorId: AccountId,
  inReplyToId: StatusId | null,
): Promise<{ id: StatusId; authorId: AccountId } | null> {
  if (inReplyToId === null) return null;
  const target = await requireVisible(context, inReplyToId, authorId).catch((error: unknown) => {
    throw error instanceof NotFound
      ? new NotFound("The post you reply to doesn't exist or isn't visible to you")
      : error;
  });
  const original = target.facts.reblogOfId;
  if (original === null) return { id: target.facts.id, authorId: target.facts.authorId };
  // A reply to a boost answers what was boosted.
  const { facts } = await requireVisible(context, original, authorId);
  return { id: facts.id, authorId: facts.authorId };
}

/** Throws Invalid unless all are media of this account that no status has. */
export async function checkMedia(
  context: StatusesContext,
  authorId: AccountId,
  mediaIds: readonly MediaId[],
): Promise<void> {
  if (mediaIds.length === 0) return;
  if (mediaIds.length > MAX_MEDIA_ATTACHMENTS) {
    throw new Invalid(`A post can have ${MAX_MEDIA_ATTACHMENTS} images at most`);
  }
  const usable = await findUnattachedMedia(context.database.shards.of(authorId).db, authorId, mediaIds);
  const unusable = mediaIds.filter((id) => !usable.includes(id));
  if (unusable.length > 0) {
    throw new Invalid(`Media ${unusable.join(", ")} can't be attached: upload it again and use the new id`);
  }
}

function tooLong(maxCharacters: number): Invalid {
  return new Invalid(`Validation failed: Text character limit of ${maxCharacters} exceeded`);
}
