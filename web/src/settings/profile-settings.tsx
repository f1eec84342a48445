import { ImageUp } from "lucide-react";
import { type FormEvent, useEffect, useId, useState } from "react";
import type { CredentialAccount } from "../api/types.ts";
import { useInstance, useViewer } from "../session/viewer.ts";
import { Button } from "../ui/button.tsx";
import { TextArea, TextField } from "../ui/field.tsx";
import { Loading } from "../ui/states.tsx";
import { useSave } from "./use-save.ts";

export function ProfileSettings() {
  const viewer = useViewer();
  return viewer ? <ProfileForm key={viewer.id} viewer={viewer} /> : <Loading what="rows" />;
}

function ProfileForm({ viewer }: { viewer: CredentialAccount }) {
  const maxFields = useInstance()?.configuration.accounts.max_profile_fields ?? 4;
  const [name, setName] = useState(viewer.display_name);
  const [note, setNote] = useState(viewer.source.note);
  const [fields, setFields] = useState(viewer.source.fields);
  const [avatar, setAvatar] = useState<File | null>(null);
  const [header, setHeader] = useState<File | null>(null);
  const { save, isSaving, problem } = useSave();
  const rows = Array.from({ length: maxFields }, (_, i) => fields[i] ?? { name: "", value: "" });
  const setField = (at: number, change: { name?: string; value?: string }) =>
    setFields(rows.map((row, i) => (i === at ? { ...row, ...change } : row)));

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const form = new FormData();
    form.set("display_name", name);
    form.set("note", note);
    rows.forEach((row, i) => {
      form.set(`fields_attributes[${i}][name]`, row.name);
      form.set(`fields_attributes[${i}][value]`, row.value);
    });
    if (avatar) form.set("avatar", avatar);
    if (header) form.set("header", header);
    void save(form);
  };

  return (
    <form onSubmit={submit} className="flex flex-col gap-5">
      <div className="relative mb-10">
        <PicturePicker label="Change header" shape="header" current={viewer.header} onPick={setHeader} />
        <div className="absolute -bottom-10 left-4">
          <PicturePicker label="Change avatar" shape="avatar" current={viewer.avatar} onPick={setAvatar} />
        </div>
      </div>
      <TextField label="Name" value={name} onChange={setName} autoComplete="name" />
      <TextArea
        label="About you"
        value={note}
        onChange={setNote}
        rows={5}
        hint="Links, @names and #tags work here."
      />
      <fieldset>
        <legend className="mb-2 font-semibold">Extra fields</legend>
        <div className="flex flex-col gap-3">
          {rows.map((row, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place
            <div key={i} className="grid grid-cols-[2fr_3fr] gap-3">
              <TextField
                label={`Label ${i + 1}`}
                value={row.name}
                onChange={(value) => setField(i, { name: value })}
              />
              <TextField
                label={`Content ${i + 1}`}
                value={row.value}
                onChange={(value) => setField(i, { value })}
              />
            </div>
          ))}
        </div>
      </fieldset>
      {problem && (
        <p className="note note-bad" role="alert">
          {problem}
        </p>
      )}
      <Button type="submit" isBusy={isSaving} className="self-start">
        Save profile
      </Button>
    </form>
  );
}

function PicturePicker({
  label,
  shape,
  current,
  onPick,
}: {
  label: string;
  shape: "avatar" | "header";
  current: string;
  onPick: (file: File | null) => void;
}) {
  const id = useId();
  const [preview, setPreview] = useState<string | null>(null);
  useEffect(() => () => (preview ? URL.revokeObjectURL(preview) : undefined), [preview]);
  return (
    <label htmlFor={id} className={`picture-picker picture-picker-${shape}`}>
      <img src={preview ?? current} alt="" />
      <span className="picture-picker-hint">
        <ImageUp aria-hidden="true" className="size-5" />
        <span className={shape === "avatar" ? "sr-only" : ""}>{label}</span>
      </span>
      <input
        id={id}
        type="file"
        accept="image/*"
        className="sr-only"
        onChange={(event) => {
          const file = event.target.files?.[0] ?? null;
          setPreview(file ? URL.createObjectURL(file) : null);
          onPick(file);
        }}
      />
    </label>
  );
}
