import { AtSign, Ban, Copy, List, Volume2, VolumeX } from "lucide-react";
import type { RefObject } from "react";
import type { Account } from "../api/types.ts";
import { currentSession } from "../session/session.ts";
import { AnchoredMenu, MenuItem, MenuLine } from "../ui/anchored-menu.tsx";
import { openSheet } from "../ui/sheets.ts";
import { toast } from "../ui/toasts.ts";
import { askToBlock, askToMute, relate, useRelationship } from "./relations.ts";

export default function ProfileMenu({
  account,
  anchor,
  onClose,
}: {
  account: Account;
  anchor: RefObject<HTMLElement | null>;
  onClose: () => void;
}) {
  const relationship = useRelationship(account.id);
  const isSelf = currentSession().accountId === account.id;
  const copy = async () => {
    await navigator.clipboard.writeText(account.url);
    toast("Link copied");
  };
  return (
    <AnchoredMenu anchor={anchor} label="More about this profile" onClose={onClose}>
      <MenuItem icon={<Copy />} onPress={() => void copy()}>
        Copy link
      </MenuItem>
      {!isSelf && (
        <>
          <MenuItem
            icon={<AtSign />}
            onPress={() => openSheet({ kind: "compose", text: `@${account.acct} ` })}
          >
            Mention
          </MenuItem>
          <MenuItem icon={<List />} onPress={() => openSheet({ kind: "lists", account })}>
            Add to lists
          </MenuItem>
          <MenuLine />
          {relationship?.muting ? (
            <MenuItem icon={<Volume2 />} onPress={() => void relate(account, "unmute")}>
              Unmute
            </MenuItem>
          ) : (
            <MenuItem icon={<VolumeX />} onPress={() => askToMute(account)}>
              Mute
            </MenuItem>
          )}
          {relationship?.blocking ? (
            <MenuItem icon={<Ban />} onPress={() => void relate(account, "unblock")}>
              Unblock
            </MenuItem>
          ) : (
            <MenuItem icon={<Ban />} isDangerous onPress={() => askToBlock(account)}>
              Block
            </MenuItem>
          )}
        </>
      )}
    </AnchoredMenu>
  );
}
