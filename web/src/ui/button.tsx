import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  readonly look?: "strong" | "quiet" | "danger" | "plain";
  readonly isBusy?: boolean;
  readonly ref?: Ref<HTMLButtonElement>;
};

export function Button({
  look = "strong",
  isBusy = false,
  className = "",
  type = "button",
  onClick,
  ...rest
}: ButtonProps) {
  // Busy is not disabled: that would take the focus away from who has just pressed it.
  return (
    <button
      type={type}
      className={`button button-${look} ${className}`}
      aria-busy={isBusy || undefined}
      aria-disabled={isBusy || undefined}
      onClick={isBusy ? (event) => event.preventDefault() : onClick}
      {...rest}
    />
  );
}

export function IconButton({
  label,
  children,
  className = "",
  ...rest
}: Omit<ButtonHTMLAttributes<HTMLButtonElement>, "children"> & {
  readonly label: string;
  readonly children: ReactNode;
  readonly ref?: Ref<HTMLButtonElement>;
}) {
  return (
    <button type="button" aria-label={label} title={label} className={`icon-button ${className}`} {...rest}>
      {children}
    </button>
  );
}
