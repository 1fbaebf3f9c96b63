import { useNavigate } from "@tanstack/react-router";
import { t } from "@/lib/i18n/later";
import { PageHeader } from "@/ui/PageHeader";
import { useToast } from "@/ui/toasts";
import { SystemForm } from "../components/SystemForm";
import { newSystem } from "../system-values";

export function AddSystemPage() {
  const navigate = useNavigate();
  const toast = useToast();
  return (
    <>
      <PageHeader title={t("systemForm.addTitle")} lead={t("systemForm.lead")} />
      <SystemForm
        initial={newSystem}
        known={{}}
        submitText={t("systemForm.submit")}
        onSaved={(systemId, name) => {
          toast({ text: t("systemForm.added", { system: name }) });
          void navigate({ to: "/systems/$systemId", params: { systemId }, replace: true });
        }}
        onCancel={() => void navigate({ to: "/" })}
      />
    </>
  );
}
