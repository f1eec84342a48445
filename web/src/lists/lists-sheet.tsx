/** On which of one's lists an account is. */
import { useQuery } from "@tanstack/react-query";
import { get, post, remove } from "../api/client.ts";
import { queryClient } from "../api/queries.ts";
import type { Account, UserList } from "../api/types.ts";
import { feedOf, listFeed } from "../feed/feeds.ts";
import { Link } from "../navigation/link.tsx";
import { nameOf } from "../ui/avatar.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Failure, Loading } from "../ui/states.tsx";
import { toastProblem } from "../ui/toasts.ts";
import { useLists } from "./use-lists.ts";

export default function ListsSheet({ account, onClose }: { account: Account; onClose: () => void }) {
  const lists = useLists();
  const key = ["lists-of", account.id];
  const memberOf = useQuery({
    queryKey: key,
    queryFn: () => get<UserList[]>(`/api/v1/accounts/${account.id}/lists`),
  });
  const isOn = (list: UserList) => memberOf.data?.some((other) => other.id === list.id) ?? false;
  const toggle = async (list: UserList) => {
    const path = `/api/v1/lists/${list.id}/accounts`;
    const before = memberOf.data ?? [];
    const wasOn = isOn(list);
    queryClient.setQueryData(key, wasOn ? before.filter((other) => other.id !== list.id) : [...before, list]);
    try {
      await (wasOn ? remove : post)(path, { account_ids: [account.id] });
      void feedOf(listFeed(list.id)).refresh();
      void queryClient.invalidateQueries({ queryKey: ["list-members", list.id] });
    } catch (error) {
      queryClient.setQueryData(key, before);
      toastProblem(error);
    }
  };
  const problem = lists.error ?? memberOf.error;
  return (
    <Dialog title={`Lists with ${nameOf(account)}`} onClose={onClose}>
      {problem && <Failure error={problem} />}
      {!problem && (!lists.data || !memberOf.data) && <Loading what="rows" />}
      {lists.data && memberOf.data && (
        <ul className="flex flex-col">
          {lists.data.map((list) => (
            <li key={list.id}>
              <label className="flex min-h-11 items-center gap-3 py-1">
                <input
                  type="checkbox"
                  className="checkbox"
                  checked={isOn(list)}
                  onChange={() => void toggle(list)}
                />
                {list.title}
              </label>
            </li>
          ))}
        </ul>
      )}
      {lists.data?.length === 0 && <p className="text-soft">You have no lists yet.</p>}
      <p className="mt-4">
        <Link to="/lists" className="text-link" onClick={onClose}>
          Manage lists
        </Link>
      </p>
    </Dialog>
  );
}
