import { sharedLevelContract, type Text } from "./contract.ts";
import { noSharedLevel } from "./none.ts";

sharedLevelContract(async () => {
  const level = noSharedLevel<bigint, Text>();
  return { levels: [level, level], keptMs: 1_000, isShared: false };
});
