import { useState } from "react";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { ConfirmMutation } from "@/ui/ConfirmMutation";
import { EmptyState } from "@/ui/EmptyState";
import { Loaded } from "@/ui/Loaded";
import { Section } from "@/ui/Section";
import { Skeleton } from "@/ui/Skeleton";
import { useKeptFocus } from "@/ui/use-kept-focus";
import { useContacts, useRemoveContact, type Contact } from "../queries";
import { ContactDialog } from "./ContactDialog";

/** Who answers for a system. */
export function ContactsSection({ systemId, mayManage }: { systemId: string; mayManage: boolean }) {
  const contacts = useContacts(systemId);
  const remove = useRemoveContact();
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Contact>();
  const kept = useKeptFocus<HTMLUListElement>();
  const none = contacts.data?.length === 0;
  return (
    <Section
      title={t("contacts.title")}
      actions={
        mayManage &&
        contacts.data &&
        !none && (
          <Button small onClick={() => setAdding(true)}>
            {t("contacts.add")}
          </Button>
        )
      }
    >
      <Loaded
        query={contacts}
        loading={<Skeleton rows={1} />}
        isEmpty={(all) => all.length === 0}
        empty={() => (
          <EmptyState icon="inbox" title={t("contacts.empty")} text={t("contacts.emptyHint")}>
            {mayManage && <Button onClick={() => setAdding(true)}>{t("contacts.add")}</Button>}
          </EmptyState>
        )}
      >
        {(all) => (
          <ul {...kept} className="divide-y divide-line">
            {all.map((contact) => (
              <li key={contact.id} data-testid="contact-row" className="flex items-center justify-between gap-4 px-5 py-3">
                <ContactName contact={contact} />
                {mayManage && (
                  <Button tone="quiet" small className="-mr-2.5" aria-label={t("contacts.removeOne", { contact: nameOf(contact) })} onClick={() => setRemoving(contact)}>
                    {t("action.remove")}
                  </Button>
                )}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      {adding && <ContactDialog systemId={systemId} contacts={contacts.data ?? []} onClose={() => setAdding(false)} />}
      {removing && (
        <ConfirmMutation
          mutation={remove}
          variables={removing}
          title={t("contacts.removeTitle", { contact: nameOf(removing) })}
          confirm={t("contacts.removeConfirm")}
          done={t("contacts.removed", { contact: nameOf(removing) })}
          onClose={() => setRemoving(undefined)}
        />
      )}
    </Section>
  );
}

function ContactName({ contact }: { contact: Contact }) {
  const address = contact.type === "mailbox" ? contact.email : contact.userEmail;
  const label = contact.label === null || contact.label === "" ? "" : ` (${contact.label})`;
  return (
    <p className="min-w-0 break-words">
      {address === undefined ? (
        nameOf(contact)
      ) : (
        <a href={`mailto:${address}`} className="inline-flex min-h-6 items-center rounded text-accent-text hover:underline">
          {nameOf(contact)}
        </a>
      )}
      <span className="text-muted">{label}</span>
    </p>
  );
}

/** A user that is gone has neither name nor address. */
function nameOf(contact: Contact): string {
  return contact.type === "mailbox" ? contact.email : (contact.userName ?? contact.userEmail ?? t("contacts.formerUser"));
}
