import { t } from "@/lib/i18n/later";
import { SmartLink } from "@/ui/SmartLink";
import { StateMark } from "@/ui/StateMark";
import type { Notification } from "../queries";

type Subjects = NonNullable<Notification["subjects"]>;

/** As many as fit into a row; all of them once it is opened. */
const SHOWN = 4;

/** What a notification is about, each with the state it was in by then. */
export function SubjectList({ subjects, all }: { subjects: Subjects; all: boolean }) {
  const shown = all ? subjects : subjects.slice(0, SHOWN);
  return (
    <ul aria-label={t("inbox.subjects")} className="mt-1.5 flex flex-wrap gap-x-2 gap-y-1.5 text-sm">
      {shown.map(({ kind, id, name, url, status }) => (
        <li key={`${kind} ${id}`} className="inline-flex max-w-full min-w-0 flex-wrap items-center gap-x-2 rounded-lg border border-line px-2 py-0.5">
          {status === undefined ? null : <StateMark state={status} />}
          {url === undefined ? (
            <span className="min-w-0 wrap-anywhere">{name}</span>
          ) : (
            <SmartLink href={url} className="min-w-0 wrap-anywhere text-accent-text hover:underline">
              {name}
            </SmartLink>
          )}
        </li>
      ))}
      {shown.length < subjects.length && <li className="px-1 py-0.5 text-muted">{t("inbox.moreSubjects", { count: subjects.length - shown.length })}</li>}
    </ul>
  );
}
