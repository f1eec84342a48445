import { AlertDialog } from "@base-ui/react/alert-dialog";
import { Button } from "./button.tsx";
import type { Question } from "./sheets.ts";

export default function ConfirmSheet({ question, onClose }: { question: Question; onClose: () => void }) {
  const agree = () => {
    onClose();
    void question.onYes();
  };
  return (
    <AlertDialog.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="backdrop" />
        <AlertDialog.Popup className="dialog dialog-small">
          <AlertDialog.Title className="dialog-title">{question.title}</AlertDialog.Title>
          <AlertDialog.Description className="mt-2 text-soft">{question.text}</AlertDialog.Description>
          <div className="mt-6 flex justify-end gap-2">
            <Button look="quiet" onClick={onClose}>
              Cancel
            </Button>
            <Button look={question.isDangerous ? "danger" : "strong"} onClick={agree}>
              {question.yes}
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
