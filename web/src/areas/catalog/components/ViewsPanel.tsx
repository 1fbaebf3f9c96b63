import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useAccess } from "@/areas/auth/queries";
import { t } from "@/lib/i18n/later";
import { required } from "@/lib/validate";
import { Button } from "@/ui/Button";
import { ConfirmMutation } from "@/ui/ConfirmMutation";
import { EmptyState } from "@/ui/EmptyState";
import { ErrorNote } from "@/ui/ErrorNote";
import { Field } from "@/ui/Field";
import { IconButton } from "@/ui/IconButton";
import { Loaded } from "@/ui/Loaded";
import { Skeleton } from "@/ui/Skeleton";
import { useToast } from "@/ui/toasts";
import { useForm } from "@/ui/use-form";
import { useKeptFocus } from "@/ui/use-kept-focus";
import { filterOf, useAddView, useDeleteView, useViews, type SystemFilter, type View } from "../views";

const MOST_NAME = 200;

/** The views there are, each a link; for who may, also the way to keep what is shown and to delete one. */
export function ViewsPanel({ filter, onFollow }: { filter: SystemFilter; onFollow: () => void }) {
  const views = useViews();
  const remove = useDeleteView();
  const mayManage = useAccess()("catalog.view.manage");
  const [deleting, setDeleting] = useState<View>();
  const kept = useKeptFocus<HTMLUListElement>();
  const narrowed = Object.keys(filter).length > 0;
  return (
    <>
      <div className="max-h-[min(24rem,50vh)] overflow-y-auto">
        <Loaded
          query={views}
          loading={<Skeleton rows={3} className="h-11" />}
          isEmpty={(all) => shownOf(all).length === 0}
          empty={() => <EmptyState icon="systems" title={t("views.empty")} text={mayManage ? t("views.emptyHint") : t("views.emptyReaderHint")} />}
        >
          {(all) => (
            <ul {...kept} className="p-2">
              {shownOf(all).map(({ view, search }) => (
                <li key={view.id} data-testid="view-row" className="flex items-center gap-1">
                  <Link
                    to="/"
                    search={search}
                    activeOptions={{ exact: true }}
                    onClick={onFollow}
                    className="min-w-0 flex-1 truncate rounded-lg px-3 py-2 hover:bg-hover aria-[current=page]:bg-accent-soft aria-[current=page]:text-accent-text"
                  >
                    {view.name}
                  </Link>
                  {mayManage && <IconButton icon="trash" label={t("views.deleteOne", { view: view.name })} onClick={() => setDeleting(view)} />}
                </li>
              ))}
            </ul>
          )}
        </Loaded>
      </div>
      {mayManage && <div className="border-t border-line p-4">{narrowed ? <KeepForm filter={filter} /> : <p className="text-sm text-muted">{t("views.narrow")}</p>}</div>}
      {deleting && (
        <ConfirmMutation
          mutation={remove}
          variables={deleting}
          title={t("views.deleteTitle", { view: deleting.name })}
          text={t("views.deleteText")}
          confirm={t("views.deleteConfirm")}
          done={t("views.deleted", { view: deleting.name })}
          onClose={() => setDeleting(undefined)}
        />
      )}
    </>
  );
}

/** Those that narrow the list of systems, each with what it narrows it to. */
function shownOf(views: readonly View[]) {
  return views.flatMap((view) => {
    const search = filterOf(view);
    return search === undefined ? [] : [{ view, search }];
  });
}

function KeepForm({ filter }: { filter: SystemFilter }) {
  const add = useAddView();
  const toast = useToast();
  const { form, field, submit, refuse, unplaced, reset } = useForm({ name: "" }, ({ name }) => ({ name: required(name, MOST_NAME) }));
  return (
    <form
      ref={form}
      noValidate
      onSubmit={submit(({ name }) =>
        add.mutate(
          { name: name.trim(), filter },
          {
            onSuccess: (view) => {
              toast({ text: t("views.kept", { view: view.name }) });
              reset();
            },
            onError: refuse,
          },
        ),
      )}
    >
      <div className="flex items-start gap-2">
        <Field {...field("name")} label={t("views.name")} autoComplete="off" className="min-w-0 flex-1" />
        <Button type="submit" busy={add.isPending} className="mt-6.5 min-h-10">
          {t("action.save")}
        </Button>
      </div>
      {add.isError && unplaced(add.error) && <ErrorNote error={add.error} />}
    </form>
  );
}
