/**
 * Schemas of routes become code when the route is first asked: compiling all of them at the start took 15 MB for good,
 * 45 with what was left lying around, and most routes are seldom asked.
 */
import { TypeBoxValidatorCompiler } from "@fastify/type-provider-typebox";
import fastJsonStringify from "fast-json-stringify";
import type { FastifySerializerCompiler } from "fastify";
import { Compile } from "typebox/compile";

type Schema = Parameters<typeof fastJsonStringify>[0];

/** What fits as it is, such as no query at all, is neither converted nor copied: that took 3 % of a home read. */
export const compileValidator: typeof TypeBoxValidatorCompiler = (route) => {
  let schema: ReturnType<typeof Compile> | null = null;
  let validate: ReturnType<typeof TypeBoxValidatorCompiler> | null = null;
  return (value) => {
    schema ??= Compile(route.schema);
    if (schema.Check(value)) return { value };
    validate ??= TypeBoxValidatorCompiler(route);
    return validate(value);
  };
};

export const compileSerializer: FastifySerializerCompiler<unknown> = ({ schema }) => {
  let serialize: ((value: unknown) => string) | null = null;
  return (value) => {
    serialize ??= fastJsonStringify(schema as Schema);
    return serialize(value);
  };
};
