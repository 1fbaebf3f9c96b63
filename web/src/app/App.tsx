import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider, type RouterHistory } from "@tanstack/react-router";
import { useState } from "react";
import { accessQuery, onboardingQuery, sessionQuery } from "@/areas/auth/queries";
import { ToastProvider } from "@/ui/ToastProvider";
import { makeQueryClient } from "./query-client";
import { makeRouter } from "./router";

/** The whole app; tests give it a history of their own. */
export function App({ history }: { history?: RouterHistory }) {
  const [{ queries, router }] = useState(() => {
    const queries = makeQueryClient();
    // No page can be drawn without these three, so they are asked for together and before anything else.
    // A failure is kept in the query, and drawn by who asks for it.
    const failed = () => undefined;
    queries.query(sessionQuery).catch(failed);
    queries.query(onboardingQuery).catch(failed);
    queries.query(accessQuery).catch(failed);
    return { queries, router: makeRouter(history) };
  });
  return (
    <QueryClientProvider client={queries}>
      <ToastProvider>
        <RouterProvider router={router} />
      </ToastProvider>
    </QueryClientProvider>
  );
}
