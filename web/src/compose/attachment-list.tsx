import { ArrowLeft, ArrowRight, X } from "lucide-react";
import { useId } from "react";
import { IconButton } from "../ui/button.tsx";
import type { Attachment } from "./use-attachments.ts";

export function AttachmentList({
  attachments,
  maxCharacters,
  onRemove,
  onMove,
  onDescribe,
}: {
  attachments: readonly Attachment[];
  maxCharacters: number;
  onRemove: (key: string) => void;
  onMove: (key: string, by: -1 | 1) => void;
  onDescribe: (key: string, text: string) => void;
}) {
  if (attachments.length === 0) return null;
  return (
    <ul className="mt-3 flex flex-col gap-3" aria-label="Pictures">
      {attachments.map((attachment, i) => (
        <li key={attachment.key} className="attachment">
          <div className="attachment-picture">
            <img
              src={attachment.previewUrl}
              alt={attachment.description || `Number ${i + 1}, without a description`}
            />
            <div className="absolute top-1.5 right-1.5 flex gap-1">
              {attachments.length > 1 && (
                <>
                  <IconButton
                    label={`Move picture ${i + 1} forward`}
                    disabled={i === 0}
                    onClick={() => onMove(attachment.key, -1)}
                    className="over-picture"
                  >
                    <ArrowLeft />
                  </IconButton>
                  <IconButton
                    label={`Move picture ${i + 1} back`}
                    disabled={i === attachments.length - 1}
                    onClick={() => onMove(attachment.key, 1)}
                    className="over-picture"
                  >
                    <ArrowRight />
                  </IconButton>
                </>
              )}
              <IconButton
                label={`Remove picture ${i + 1}`}
                onClick={() => onRemove(attachment.key)}
                className="over-picture"
              >
                <X />
              </IconButton>
            </div>
            {!attachment.media && !attachment.problem && (
              <Progress share={attachment.progress} number={i + 1} />
            )}
          </div>
          {attachment.problem ? (
            <p className="self-center text-bad text-sm" role="alert">
              {attachment.problem}
            </p>
          ) : (
            <Description
              number={i + 1}
              value={attachment.description}
              maxCharacters={maxCharacters}
              onChange={(text) => onDescribe(attachment.key, text)}
            />
          )}
        </li>
      ))}
    </ul>
  );
}

function Progress({ share, number }: { share: number; number: number }) {
  const percent = Math.round(share * 100);
  return (
    <div
      role="progressbar"
      aria-label={`Uploading picture ${number}`}
      aria-valuenow={percent}
      aria-valuemin={0}
      aria-valuemax={100}
      className="absolute inset-x-2 bottom-2 h-1.5 overflow-hidden rounded-full bg-black/50"
    >
      <div className="h-full bg-glow transition-[width]" style={{ width: `${percent}%` }} />
    </div>
  );
}

function Description({
  number,
  value,
  maxCharacters,
  onChange,
}: {
  number: number;
  value: string;
  maxCharacters: number;
  onChange: (text: string) => void;
}) {
  const id = useId();
  return (
    <div className="flex min-w-0 flex-1 flex-col gap-1">
      <label htmlFor={id} className="font-medium text-sm">
        Description of picture {number}
      </label>
      <textarea
        id={id}
        value={value}
        maxLength={maxCharacters}
        rows={3}
        placeholder="Describe the picture for people who can't see it"
        className="field-input flex-1 resize-none text-sm"
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}
