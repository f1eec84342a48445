import { InvalidArgumentError, Option } from "commander";

/** Reads a flag's value; what isn't a whole number in these bounds is a usage mistake. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** How many processes share the work of a command on this machine. */
export function processesOption(fallback: number): Option {
  return new Option("--processes <count>", "processes at the same port, for several cores")
    .argParser(wholeNumber(1, 256))
    .default(fallback);
}
