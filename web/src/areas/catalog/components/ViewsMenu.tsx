import { lazy, Suspense, useState } from "react";
import { useAccess } from "@/areas/auth/queries";
import { t } from "@/lib/i18n/t";
import { buttonStyle } from "@/ui/button-style";
import { Icon } from "@/ui/Icon";
import { Popover } from "@/ui/Popover";
import type { SystemFilter } from "../views";

const ViewsPanel = lazy(() => import("./ViewsPanel").then(({ ViewsPanel }) => ({ default: ViewsPanel })));

/** The views that were kept of the list of systems, and the way to keep what is shown. What is in it is fetched when it is opened. */
export function ViewsMenu({ filter }: { filter: SystemFilter }) {
  const [open, setOpen] = useState(false);
  const has = useAccess();
  if (!has("catalog.view.read")) return null;
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      label={t("views.title")}
      className="w-80"
      trigger={
        <button type="button" className={buttonStyle()}>
          {t("views.title")}
          <Icon name="chevronDown" />
        </button>
      }
    >
      <Suspense fallback={null}>
        <ViewsPanel filter={filter} onFollow={() => setOpen(false)} />
      </Suspense>
    </Popover>
  );
}
