import { type HTMLInputTypeAttribute, type ReactNode, useId } from "react";

interface FieldProps {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly mistake?: string | undefined;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

export function TextField({
  label,
  hint,
  mistake,
  value,
  onChange,
  type = "text",
  autoComplete,
  maxLength,
  isRequired = false,
  name,
}: FieldProps & {
  type?: HTMLInputTypeAttribute;
  autoComplete?: string;
  maxLength?: number;
  isRequired?: boolean;
  name?: string;
}) {
  const id = useId();
  const isName = autoComplete === "username" || type === "email";
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        name={name}
        type={type}
        className="field-input"
        value={value}
        maxLength={maxLength}
        required={isRequired}
        autoComplete={autoComplete}
        {...(isName ? { autoCapitalize: "none", spellCheck: false } : {})}
        aria-invalid={mistake ? true : undefined}
        aria-describedby={mistake || hint ? `${id}-note` : undefined}
        onChange={(event) => onChange(event.target.value)}
      />
      <Note id={`${id}-note`} hint={hint} mistake={mistake} />
    </div>
  );
}

export function TextArea({
  label,
  hint,
  mistake,
  value,
  onChange,
  rows = 4,
}: FieldProps & { rows?: number }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea
        id={id}
        className="field-input"
        rows={rows}
        dir="auto"
        value={value}
        aria-invalid={mistake ? true : undefined}
        aria-describedby={mistake || hint ? `${id}-note` : undefined}
        onChange={(event) => onChange(event.target.value)}
      />
      <Note id={`${id}-note`} hint={hint} mistake={mistake} />
    </div>
  );
}

export function Switch({
  label,
  hint,
  isOn,
  onChange,
}: {
  label: string;
  hint?: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
}) {
  const id = useId();
  return (
    <div className="flex items-start gap-4 py-3">
      <div className="min-w-0 flex-1">
        <label htmlFor={id} className="font-medium">
          {label}
        </label>
        {hint && (
          <p id={`${id}-note`} className="text-sm text-soft">
            {hint}
          </p>
        )}
      </div>
      <input
        id={id}
        type="checkbox"
        role="switch"
        className="switch"
        checked={isOn}
        aria-checked={isOn}
        aria-describedby={hint ? `${id}-note` : undefined}
        onChange={(event) => onChange(event.target.checked)}
      />
    </div>
  );
}

function Note({ id, hint, mistake }: { id: string; hint: ReactNode; mistake: string | undefined }) {
  if (mistake) {
    return (
      <p id={id} className="mt-1.5 text-bad text-sm" role="alert">
        {mistake}
      </p>
    );
  }
  return hint ? (
    <p id={id} className="mt-1.5 text-sm text-soft">
      {hint}
    </p>
  ) : null;
}
