import { createContext, use } from "react";

export interface ToastMessage {
  text: string;
  /** `error` interrupts a screen reader and stays until it is closed. */
  tone?: "plain" | "error";
}

export const ToastContext = createContext<(message: ToastMessage) => void>(() => undefined);

/** Says something at the edge of the page. */
export function useToast(): (message: ToastMessage) => void {
  return use(ToastContext);
}
