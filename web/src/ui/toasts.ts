import { createContext, use } from "react";

export interface ToastMessage {
  text: string;
  /** `error` interrupts a screen reader and stays until it is closed. */
  tone?: "plain" | "error";
  /** Until it is closed, by its reader or by who said it. */
  stays?: boolean;
  /** What can be done about it; doing it closes the message. */
  action?: { text: string; run: () => void };
}

export const ToastContext = createContext<(message: ToastMessage) => () => void>(() => () => undefined);

/** Says something at the edge of the page; answers how to close it. */
export function useToast(): (message: ToastMessage) => () => void {
  return use(ToastContext);
}
