import Type, { type Static } from "typebox";

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const MediaAttachment = Type.Object({
  id: Type.String(),
  type: Type.Union([Type.Literal("image"), Type.Literal("gifv"), Type.Literal("unknown")]),
  url: Type.String(),
  preview_url: Nullable(Type.String()),
  remote_url: Type.Null(),
  text_url: Type.Null(),
  meta: Type.Record(Type.String(), Type.Unknown()),
  description: Nullable(Type.String()),
  blurhash: Nullable(Type.String()),
});
export type MediaAttachment = Static<typeof MediaAttachment>;
