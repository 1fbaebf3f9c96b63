import { useRef, useState } from "react";

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
    else setTimeout(() => focusFirstMistake(form.current));
  };

  return { form, values, set, field, submit, errors: shown, refuse: setRefused };
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
