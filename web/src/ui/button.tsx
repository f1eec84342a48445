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
  disabled,
  ...rest
}: ButtonProps) {
  return (
    <button
      type={type}
      className={`button button-${look} ${className}`}
      aria-busy={isBusy || undefined}
      disabled={disabled || isBusy}
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
