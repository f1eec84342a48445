/** The frame of a page: a title for the tab, one heading, and the column it stands in. */
import { ArrowLeft } from "lucide-react";
import { type ReactNode, useEffect } from "react";
import { IconButton } from "../ui/button.tsx";
import { goBack } from "./history.ts";
import { useLayer } from "./layer.tsx";

export function Page({
  title,
  subtitle,
  tools,
  isRoot = false,
  isHeadingHidden = false,
  children,
}: {
  title: string;
  subtitle?: ReactNode;
  tools?: ReactNode;
  /** Reached from the navigation, so nothing to go back to. */
  isRoot?: boolean;
  isHeadingHidden?: boolean;
  children: ReactNode;
}) {
  const { isActive } = useLayer();
  useEffect(() => {
    if (isActive) document.title = `${title} · Roost`;
  }, [isActive, title]);
  return (
    <main className="column">
      <header className={isHeadingHidden ? "sr-only" : "page-head"}>
        {!isRoot && (
          <IconButton label="Back" onClick={() => goBack()} className="-ml-2">
            <ArrowLeft />
          </IconButton>
        )}
        <div className="min-w-0 flex-1">
          <h1 tabIndex={-1} className="page-title">
            {title}
          </h1>
          {subtitle && <p className="truncate text-soft text-xs">{subtitle}</p>}
        </div>
        {!isHeadingHidden && <div className="pill-place" />}
        {tools}
      </header>
      {children}
    </main>
  );
}
