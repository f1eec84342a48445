import { sql } from "kysely";
import type { AccountId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";

/** Moves the account's relation epoch on, within the change's transaction. Resolves to the epochs before and after. */
export async function bumpEpoch(tx: Db, accountId: AccountId): Promise<{ from: bigint; to: bigint }> {
  const { rows } = await sql<{ epoch: bigint }>`
    insert into relation_epochs (account_id, epoch) values (${accountId}, 1)
    on conflict (account_id) do update set epoch = relation_epochs.epoch + 1
    returning epoch`.execute(tx);
  const to = rows[0]?.epoch ?? 1n;
  return { from: to - 1n, to };
}
