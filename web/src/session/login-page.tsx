import { useEffect, useState } from "react";
import { sentenceOf } from "../api/errors.ts";
import { navigate } from "../navigation/history.ts";
import { Link } from "../navigation/link.tsx";
import { Page } from "../navigation/page.tsx";
import { Button } from "../ui/button.tsx";
import { Logo } from "../ui/logo.tsx";
import { Loading } from "../ui/states.tsx";
import { LookAround } from "./look-around.tsx";
import { beginSignIn, finishSignIn } from "./oauth.ts";
import { useInstance } from "./viewer.ts";

export function LoginPage() {
  const instance = useInstance();
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const begin = async () => {
    setIsBusy(true);
    setProblem(null);
    try {
      await beginSignIn("/");
    } catch (error) {
      setProblem(sentenceOf(error));
      setIsBusy(false);
    }
  };
  return (
    <Page title="Sign in">
      <div className="form-page items-center text-center">
        <Logo className="size-20" />
        <p className="mt-4 font-display text-3xl">Welcome back</p>
        <p className="mt-2 max-w-sm text-soft">
          The server asks for your password on its own page; this app never sees it.
        </p>
        {problem && (
          <p className="note note-bad mt-4" role="alert">
            {problem}
          </p>
        )}
        <Button className="button-large mt-6 w-full max-w-xs" isBusy={isBusy} onClick={() => void begin()}>
          Sign in{instance ? ` to ${instance.domain}` : ""}
        </Button>
        {instance?.demo && <LookAround demo={instance.demo} className="mt-3 w-full max-w-xs" />}
        {instance?.registrations.enabled && (
          <p className="mt-5 text-soft">
            New here?{" "}
            <Link to="/signup" className="text-link">
              Create an account
            </Link>
          </p>
        )}
      </div>
    </Page>
  );
}

/** Where the server sends the browser back to, once. */
export function CallbackPage() {
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let isCurrent = true;
    finishSignIn(location.search)
      .then((path) => isCurrent && navigate(path, { replace: true }))
      .catch((error: unknown) => isCurrent && setProblem(sentenceOf(error)));
    return () => {
      isCurrent = false;
    };
  }, []);
  return (
    <Page title="Signing in" isRoot>
      {problem ? (
        <div className="form-page items-center text-center" role="alert">
          <p className="font-display text-2xl">You aren't signed in</p>
          <p className="mt-2 max-w-sm text-soft">{problem}</p>
          <Button className="mt-6" onClick={() => navigate("/login", { replace: true })}>
            Try again
          </Button>
        </div>
      ) : (
        <Loading what="rows" />
      )}
    </Page>
  );
}
