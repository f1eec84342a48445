import { Link } from "../navigation/link.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Shortcuts } from "./shortcuts-table.tsx";

export default function ShortcutsSheet({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" className="dialog-wide" onClose={onClose}>
      <Shortcuts />
      <p className="mt-6 text-sm text-soft">
        Single keys can be switched off in the{" "}
        <Link to="/settings/keyboard" className="text-link" onClick={onClose}>
          settings
        </Link>
        .
      </p>
    </Dialog>
  );
}
