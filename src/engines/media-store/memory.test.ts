import { mediaStoreContract } from "./contract.ts";
import { MemoryMediaStore } from "./memory.ts";

mediaStoreContract(async () => new MemoryMediaStore());
