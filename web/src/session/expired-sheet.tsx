/** The server no longer takes the token. What was on screen stays behind this, and comes back after signing in. */
import { useState } from "react";
import { currentEntry } from "../navigation/history.ts";
import { Button } from "../ui/button.tsx";
import { toastProblem } from "../ui/toasts.ts";
import { beginSignIn, signOut } from "./oauth.ts";

export default function ExpiredSheet() {
  const [isBusy, setIsBusy] = useState(false);
  const again = async () => {
    setIsBusy(true);
    try {
      await beginSignIn(currentEntry().path);
    } catch (error) {
      toastProblem(error);
      setIsBusy(false);
    }
  };
  return (
    <section className="expired" role="alert" aria-labelledby="expired-title">
      <h2 id="expired-title" className="font-display text-xl">
        Sign in again
      </h2>
      <p className="mt-1 text-soft">
        The server has ended this session. What you were reading and writing stays here.
      </p>
      <div className="mt-4 flex gap-2">
        <Button isBusy={isBusy} onClick={() => void again()}>
          Sign in
        </Button>
        <Button look="plain" onClick={() => void signOut()}>
          Sign out
        </Button>
      </div>
    </section>
  );
}
