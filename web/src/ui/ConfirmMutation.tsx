import type { UseMutationResult } from "@tanstack/react-query";
import { ConfirmDialog } from "./ConfirmDialog";
import { errorText } from "./error-text";
import { useToast } from "./toasts";

interface ConfirmMutationProps<V> {
  mutation: UseMutationResult<unknown, Error, V>;
  /** What the call is made with once it is confirmed. */
  variables: V;
  title: string;
  text?: string;
  confirm: string;
  /** Said when it is done. */
  done: string;
  onDone?: () => void;
  onClose: () => void;
}

/** Asks before a call that cannot be undone, makes it, and says so; a refusal is told in the dialog, which stays. */
export function ConfirmMutation<V>({ mutation, variables, title, text, confirm, done, onDone, onClose }: ConfirmMutationProps<V>) {
  const toast = useToast();
  const close = () => {
    onClose();
    mutation.reset();
  };
  return (
    <ConfirmDialog
      title={title}
      {...(text === undefined ? {} : { text })}
      confirm={confirm}
      busy={mutation.isPending}
      error={mutation.isError ? errorText(mutation.error) : undefined}
      onConfirm={() =>
        mutation.mutate(variables, {
          onSuccess: () => {
            toast({ text: done });
            close();
            onDone?.();
          },
        })
      }
      onClose={close}
    />
  );
}
