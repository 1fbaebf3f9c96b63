import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Bell } from "@/areas/notification/components/Bell";
import { t } from "@/lib/i18n/t";
import type { RealtimeState } from "@/lib/realtime";
import type { Session } from "@/lib/session-client";
import { Dialog } from "@/ui/Dialog";
import { IconButton } from "@/ui/IconButton";
import { AccountMenu } from "./AccountMenu";
import { Navigation } from "./Navigation";
import { PaletteButton } from "./PaletteButton";
import { SystemSearch } from "./SystemSearch";

/** Name, search, the way to everything, bell, account; on a narrow page also the way to the folded navigation. */
export function TopBar({ user, live }: { user: Session["user"]; live: RealtimeState }) {
  const [menuOpen, setMenuOpen] = useState(false);
  const closeMenu = () => setMenuOpen(false);
  return (
    <header className="sticky top-0 z-20 border-b border-line bg-surface">
      <div className="mx-auto flex h-14 max-w-[76rem] items-center gap-2 px-3 sm:px-4">
        <IconButton icon="menu" label={t("nav.open")} className="nav:hidden" onClick={() => setMenuOpen(true)} />
        <Link to="/" className="flex items-center gap-2.5 rounded-lg px-1 font-semibold tracking-tight nav:w-54 nav:px-2">
          <img src="/favicon.svg" alt="" width="24" height="24" />
          <span className="max-sm:sr-only">{t("app.name")}</span>
        </Link>
        <SystemSearch />
        <PaletteButton />
        <div className="ml-auto flex items-center gap-1">
          <Bell />
          <AccountMenu user={user} />
        </div>
      </div>
      {/* Always there, since a live region added with its text is not read aloud. */}
      <div role="status">
        {live === "waiting" && (
          <p className="absolute inset-x-0 top-full flex items-center justify-center gap-2 border-b border-line bg-degraded-soft px-4 py-px text-sm text-degraded">
            <span aria-hidden="true" className="pulse size-2 shrink-0 rounded-full bg-degraded-mark" />
            <span>
              <strong className="font-semibold">{t("app.reconnecting")}</strong> {t("app.reconnectingHint")}
            </span>
          </p>
        )}
      </div>
      {menuOpen && (
        <Dialog label={t("nav.label")} onClose={closeMenu} className="m-0 h-dvh max-h-none w-72 max-w-[85vw]">
          <div className="flex h-14 items-center gap-2 border-b border-line px-3">
            <IconButton icon="close" label={t("nav.close")} onClick={closeMenu} />
            <span className="font-semibold tracking-tight">{t("app.name")}</span>
          </div>
          <div className="p-3">
            <Navigation onFollow={closeMenu} />
          </div>
        </Dialog>
      )}
    </header>
  );
}
