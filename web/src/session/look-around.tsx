import { useState } from "react";
import type { Instance } from "../api/types.ts";
import { Button } from "../ui/button.tsx";
import { toastProblem } from "../ui/toasts.ts";
import { beginSignIn } from "./oauth.ts";

/** A demo's way in without a form. */
export function LookAround({
  demo,
  className = "",
}: {
  demo: NonNullable<Instance["demo"]>;
  className?: string;
}) {
  const [isBusy, setIsBusy] = useState(false);
  const begin = async () => {
    setIsBusy(true);
    try {
      await beginSignIn("/", demo.login);
    } catch (error) {
      toastProblem(error);
      setIsBusy(false);
    }
  };
  return (
    <Button className={`button-large ${className}`} isBusy={isBusy} onClick={() => void begin()}>
      Look around as {demo.name}
    </Button>
  );
}
