import { X } from "lucide-react";
import { dismissToast, useToasts } from "./toasts.ts";

export function ToastHost() {
  const toasts = useToasts();
  return (
    <div className="toasts" role="status" aria-label="Messages">
      {toasts.map(({ id, text, tone, action }) => (
        <div key={id} className={`toast toast-${tone}`}>
          <p className="min-w-0 flex-1 break-words">{text}</p>
          {action && (
            <button
              type="button"
              className="toast-action"
              onClick={() => {
                dismissToast(id);
                action.run();
              }}
            >
              {action.label}
            </button>
          )}
          <button type="button" className="toast-close" aria-label="Dismiss" onClick={() => dismissToast(id)}>
            <X aria-hidden="true" className="size-4" />
          </button>
        </div>
      ))}
    </div>
  );
}
