/** A dialog over the page: a sheet from below on small screens, a card in the middle on large ones. */
import { Dialog as Base } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import type { ReactNode } from "react";

export function Dialog({
  title,
  isTitleHidden = false,
  className = "",
  onClose,
  children,
}: {
  title: string;
  isTitleHidden?: boolean;
  className?: string;
  onClose: () => void;
  children: ReactNode;
}) {
  return (
    <Base.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="backdrop" />
        <Base.Popup className={`dialog ${className}`}>
          <div className={isTitleHidden ? "dialog-head dialog-head-bare" : "dialog-head"}>
            <Base.Title className={isTitleHidden ? "sr-only" : "dialog-title"}>{title}</Base.Title>
            <Base.Close className="icon-button ml-auto" aria-label="Close" title="Close">
              <X aria-hidden="true" />
            </Base.Close>
          </div>
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
