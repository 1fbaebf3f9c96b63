import { useState } from "react";

/** Beside `watchbell.theme`: a matter of this browser and its keyboard. */
const STORED = "watchbell.keys";

function stored(): boolean {
  try {
    return localStorage.getItem(STORED) !== "off";
  } catch {
    return true; // a browser that keeps nothing for this site
  }
}

/** Whether single keys act on the inbox, in this browser. */
export function useKeyChoice(): [boolean, (on: boolean) => void] {
  const [on, setOn] = useState(stored);
  return [
    on,
    (wanted) => {
      setOn(wanted);
      try {
        if (wanted) localStorage.removeItem(STORED);
        else localStorage.setItem(STORED, "off");
      } catch {
        // it holds until the page goes
      }
    },
  ];
}
