import { type FormEvent, useEffect, useRef, useState } from "react";
import { ApiError, sentenceOf } from "../api/errors.ts";
import { navigate } from "../navigation/history.ts";
import { Link } from "../navigation/link.tsx";
import { Page } from "../navigation/page.tsx";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { Loading } from "../ui/states.tsx";
import { signUp } from "./oauth.ts";
import { useInstance } from "./viewer.ts";

export default function SignupPage() {
  const instance = useInstance();
  return (
    <Page title="Join">
      <div className="form-page">
        {!instance && <Loading what="rows" />}
        {instance?.registrations.enabled === false && <Closed message={instance.registrations.message} />}
        {instance?.registrations.enabled && <SignupForm domain={instance.domain} rules={instance.rules} />}
      </div>
    </Page>
  );
}

function Closed({ message }: { message: string | null }) {
  return (
    <>
      <p className="font-display text-2xl">Sign-ups are closed</p>
      <p className="mt-2 text-soft">{message ?? "This server takes no new accounts at the moment."}</p>
      <p className="mt-6">
        <Link to="/" className="text-link">
          Read what is public here
        </Link>
      </p>
    </>
  );
}

function SignupForm({ domain, rules }: { domain: string; rules: readonly { id: string; text: string }[] }) {
  const [username, setUsername] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [agrees, setAgrees] = useState(false);
  const [mistakes, setMistakes] = useState<Record<string, string>>({});
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (Object.keys(mistakes).length > 0) form.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  }, [mistakes]);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setIsBusy(true);
    setProblem(null);
    setMistakes({});
    try {
      await signUp({ username: username.trim(), email: email.trim(), password });
      navigate("/", { replace: true });
    } catch (error) {
      const found = mistakesIn(error);
      setMistakes(found);
      const isBesideFields = Object.keys(found).length > 0;
      setProblem(isBesideFields ? "Some of this needs another look." : sentenceOf(error));
      setIsBusy(false);
    }
  };
  return (
    <form ref={form} onSubmit={(event) => void submit(event)} className="flex flex-col gap-4">
      <p className="mb-2 text-lg text-soft">A quiet perch of your own on {domain}.</p>
      <TextField
        label="Username"
        name="username"
        value={username}
        onChange={setUsername}
        autoComplete="username"
        hint="Letters, digits and underscores. It can't be changed later."
        mistake={mistakes.username}
        isRequired
      />
      <TextField
        label="E-mail"
        name="email"
        type="email"
        value={email}
        onChange={setEmail}
        autoComplete="email"
        hint="Never shown to anyone."
        mistake={mistakes.email}
        isRequired
      />
      <TextField
        label="Password"
        name="password"
        type="password"
        value={password}
        onChange={setPassword}
        autoComplete="new-password"
        hint="At least 8 characters."
        mistake={mistakes.password}
        isRequired
      />
      {rules.length > 0 && (
        <ol className="list-inside list-decimal text-sm text-soft">
          {rules.map((rule) => (
            <li key={rule.id}>{rule.text}</li>
          ))}
        </ol>
      )}
      <label className="flex min-h-11 items-center gap-3">
        <input
          type="checkbox"
          name="agreement"
          className="checkbox"
          checked={agrees}
          required
          onChange={(event) => setAgrees(event.target.checked)}
        />
        <span>I'll be kind, and keep to the rules of this server</span>
      </label>
      {problem && (
        <p className="note note-bad" role="alert">
          {problem}
        </p>
      )}
      <Button type="submit" isBusy={isBusy} className="button-large">
        Create account
      </Button>
      <p className="text-soft">
        Have an account already?{" "}
        <Link to="/login" className="text-link">
          Sign in
        </Link>
      </p>
    </form>
  );
}

function mistakesIn(error: unknown): Record<string, string> {
  if (!(error instanceof ApiError)) return {};
  const shown = new Set(["username", "email", "password"]);
  return Object.fromEntries(
    Object.entries(error.details)
      .filter(([field]) => shown.has(field))
      .map(([field, found]) => [field, found.map((mistake) => mistake.description).join(". ")]),
  );
}
