/** A menu beside the button that opened it. Loaded when the first menu opens. */
import { Menu } from "@base-ui/react/menu";
import type { ReactNode, RefObject } from "react";

export function AnchoredMenu({
  anchor,
  label,
  onClose,
  children,
}: {
  anchor: RefObject<HTMLElement | null>;
  label: string;
  onClose: () => void;
  children: ReactNode;
}) {
  return (
    <Menu.Root defaultOpen modal onOpenChangeComplete={(isOpen) => !isOpen && onClose()}>
      <Menu.Portal>
        <Menu.Positioner anchor={anchor} align="end" sideOffset={4} className="menu-place">
          <Menu.Popup className="menu" aria-label={label} finalFocus={anchor}>
            {children}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

export function MenuItem({
  icon,
  isDangerous = false,
  onPress,
  children,
}: {
  icon?: ReactNode;
  isDangerous?: boolean;
  onPress: () => void;
  children: ReactNode;
}) {
  return (
    <Menu.Item className={`menu-item ${isDangerous ? "text-bad" : ""}`} onClick={onPress}>
      {icon}
      <span>{children}</span>
    </Menu.Item>
  );
}

export function MenuLine() {
  return <Menu.Separator className="menu-line" />;
}
