/** A rendered status as bytes that processes share: lengths and facts, then its JSON before and after the account. */

import type { StatusId } from "../core/ids.ts";
import type { SharedForm } from "../engines/shared-cache/port.ts";
import type { StatusFacts, StatusText } from "./records.ts";

export interface SharedStatus {
  readonly facts: StatusFacts;
  readonly text: StatusText;
}

export const sharedStatusForm: SharedForm<StatusId, SharedStatus> = {
  nameOf: (id) => `status2:${id}`,
  encode: ({ facts, text: { head, tail } }) => {
    const told = Buffer.from(JSON.stringify([head.length, ...factsIn(facts)]));
    return Buffer.concat([told, LINE_END, head, tail]);
  },
  decode: (bytes) => {
    const end = bytes.indexOf(LINE_END);
    const [headLength, ...facts] = JSON.parse(bytes.toString("utf8", 0, end)) as [number, ...FactsTold];
    // Copied: what came from the network belongs to a larger buffer.
    const text = Buffer.from(bytes.subarray(end + 1));
    return {
      facts: factsOf(facts),
      text: { head: text.subarray(0, headLength), tail: text.subarray(headLength) },
    };
  },
};

const LINE_END = Buffer.from("\n");

type FactsTold = ReturnType<typeof factsIn>;

function factsIn(facts: StatusFacts) {
  const text = (id: bigint | null) => id?.toString() ?? null;
  return [
    `${facts.id}`,
    `${facts.authorId}`,
    facts.visibility,
    text(facts.inReplyToId),
    text(facts.inReplyToAccountId),
    text(facts.reblogOfId),
    facts.mentionIds.map(String),
    facts.tags,
    facts.hasMedia,
  ] as const;
}

function factsOf(told: FactsTold): StatusFacts {
  const [id, author, visibility, replyTo, replyToAccount, reblogOf, mentions, tags, hasMedia] = told;
  const idIn = (text: string | null) => (text === null ? null : BigInt(text));
  return {
    id: BigInt(id),
    authorId: BigInt(author),
    visibility,
    inReplyToId: idIn(replyTo),
    inReplyToAccountId: idIn(replyToAccount),
    reblogOfId: idIn(reblogOf),
    mentionIds: mentions.map(BigInt),
    tags,
    hasMedia,
  };
}
