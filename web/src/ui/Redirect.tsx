import { useRouter } from "@tanstack/react-router";
import { useEffect, useState } from "react";

/**
 * Leads to another address of the app, once. (The router's own Navigate goes again whenever it is drawn again, and what draws it is
 * still on the page while the new one is fetched.)
 */
export function Redirect({ to }: { to: string }) {
  const router = useRouter();
  const [target] = useState(to);
  useEffect(() => router.history.replace(target), [router, target]);
  return null;
}
