import { useEffect, useRef, useState } from "react";
import { ApiError, fieldOf } from "@/lib/api-error";

type Errors<V> = Partial<Record<keyof V, string | undefined>>;

/**
 * What is typed into a form, and what is wrong with it. Mistakes show after the first try to send; then each goes as soon as it is
 * mended. Values stay when a call fails: they leave only with the page.
 */
export function useForm<V extends Record<string, string | boolean>>(initial: V, validate: (values: V) => Errors<V>) {
  const [values, setValues] = useState(initial);
  const [tried, setTried] = useState(false);
  const [refused, setRefused] = useState<Errors<V>>({});
  const form = useRef<HTMLFormElement>(null);
  /** How often something was found wrong. */
  const [faults, setFaults] = useState(0);
  // By now they are drawn. (After a timer they need not be, when what found them was no event but the server's answer.)
  useEffect(() => {
    if (faults > 0) focusFirstMistake(form.current);
  }, [faults]);

  const wrong = validate(values);
  const shown: Errors<V> = tried ? { ...refused, ...withoutGaps(wrong) } : refused;

  const set = <K extends keyof V>(name: K, value: V[K]) => {
    setValues((all) => ({ ...all, [name]: value }));
    setRefused((all) => ({ ...all, [name]: undefined }));
  };

  /** Ready props of a field; its value is text. */
  const field = <K extends keyof V>(name: K) => ({
    value: String(values[name]),
    error: shown[name],
    onValue: (value: string) => set(name, value as V[K]),
  });

  /** Sends when nothing is wrong; else moves the focus to the first mistake. */
  const submit = (send: (values: V) => void) => (event: { preventDefault: () => void }) => {
    event.preventDefault();
    setTried(true);
    if (Object.values(wrong).every((error) => error === undefined)) send(values);
    else setFaults((count) => count + 1);
  };

  /** Shows a refusal's issues beside the fields they name, the first of each, and moves the focus to the first of them. */
  const refuse = (error: unknown) => {
    if (!(error instanceof ApiError)) return;
    const placed = error.issues.flatMap((issue) => {
      const field = fieldOf(issue, Object.keys(values));
      return field === undefined ? [] : [[field, issue.message] as const];
    });
    setRefused(Object.fromEntries(placed.reverse()) as Errors<V>);
    setFaults((count) => count + 1);
  };

  /** Whether a refusal says anything that stands beside no field. */
  const unplaced = (error: unknown) =>
    !(error instanceof ApiError) || error.issues.length === 0 || error.issues.some((issue) => fieldOf(issue, Object.keys(values)) === undefined);

  /** Empties the form, for the next time. */
  const reset = () => {
    setValues(initial);
    setTried(false);
    setRefused({});
  };

  return { form, values, set, field, submit, errors: shown, refuse, unplaced, reset };
}

function withoutGaps<V>(errors: Errors<V>): Errors<V> {
  return Object.fromEntries(Object.entries(errors).filter(([, error]) => error !== undefined)) as Errors<V>;
}

/** A mistake inside folded details is unfolded first. */
function focusFirstMistake(form: HTMLFormElement | null): void {
  const mistake = form?.querySelector<HTMLElement>("[aria-invalid=true]");
  mistake?.closest("details")?.setAttribute("open", "");
  mistake?.focus();
}
