import { ChevronRight } from "lucide-react";
import { type FormEvent, useState } from "react";
import { post } from "../api/client.ts";
import { sentenceOf } from "../api/errors.ts";
import { queryClient } from "../api/queries.ts";
import type { UserList } from "../api/types.ts";
import { Link } from "../navigation/link.tsx";
import { Page } from "../navigation/page.tsx";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { Empty, Failure, Loading } from "../ui/states.tsx";
import { LISTS_KEY, useLists } from "./use-lists.ts";

export default function ListsPage() {
  const { data, error, refetch } = useLists();
  return (
    <Page title="Lists" isRoot>
      <NewList />
      {error && !data && <Failure error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Loading what="rows" />}
      {data?.length === 0 && (
        <Empty title="No lists yet">
          <p>A list is a timeline of the people you add to it. Add people from their profile.</p>
        </Empty>
      )}
      <ul>
        {data?.map((list) => (
          <li key={list.id}>
            <Link to={`/lists/${list.id}`} className="account-row items-center font-semibold">
              <span className="min-w-0 flex-1 truncate">{list.title}</span>
              <ChevronRight aria-hidden="true" className="size-5 text-soft" />
            </Link>
          </li>
        ))}
      </ul>
    </Page>
  );
}

function NewList() {
  const [title, setTitle] = useState("");
  const [problem, setProblem] = useState<string | undefined>();
  const [isBusy, setIsBusy] = useState(false);
  const create = async (event: FormEvent) => {
    event.preventDefault();
    if (title.trim() === "") return;
    setIsBusy(true);
    setProblem(undefined);
    try {
      await post<UserList>("/api/v1/lists", { title: title.trim() });
      setTitle("");
      await queryClient.invalidateQueries({ queryKey: LISTS_KEY });
    } catch (error) {
      setProblem(sentenceOf(error));
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <form className="flex items-end gap-3 border-line border-b p-5" onSubmit={(event) => void create(event)}>
      <div className="flex-1">
        <TextField label="New list" value={title} onChange={setTitle} mistake={problem} />
      </div>
      <Button type="submit" isBusy={isBusy} disabled={title.trim() === ""}>
        Create
      </Button>
    </form>
  );
}
