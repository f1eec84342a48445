/**
 * Schemas of parameters become readers at the start. Those of answers become code when their route is first asked:
 * compiling all of them took 15 MB for good, 45 with what was left lying around, and most routes are seldom asked.
 */
import fastJsonStringify from "fast-json-stringify";
import type { FastifySchemaCompiler, FastifySerializerCompiler } from "fastify";
import type { TSchema } from "typebox";
import { readerOf } from "./parameters.ts";

type Schema = Parameters<typeof fastJsonStringify>[0];

export const compileValidator: FastifySchemaCompiler<unknown> = ({ schema }) => {
  const read = readerOf(schema as TSchema);
  return (value: unknown) => {
    try {
      return { value: read(value, "") };
    } catch (error) {
      return { error: error as Error };
    }
  };
};

export const compileSerializer: FastifySerializerCompiler<unknown> = ({ schema }) => {
  let serialize: ((value: unknown) => string) | null = null;
  return (value) => {
    serialize ??= fastJsonStringify(schema as Schema);
    return serialize(value);
  };
};
