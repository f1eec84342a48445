import { Command } from "commander";
import { examples } from "../invocation.ts";
import { dlqCommand } from "./dlq.ts";
import { lagCommand } from "./lag.ts";

export function eventsCommand(): Command {
  return new Command("events")
    .summary("what waits to be delivered, and what could not be")
    .description(
      "Tells how far the delivery of posts and notifications is behind, and deals with events that no attempt could handle.",
    )
    .addCommand(lagCommand())
    .addCommand(dlqCommand())
    .addHelpText("after", examples("npx roost events lag", "npx roost events dlq list"));
}
