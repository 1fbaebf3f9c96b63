import { useQueryClient } from "@tanstack/react-query";
import { Outlet, useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { useOnboardingStatus, useSession } from "@/areas/auth/queries";
import { useUnreadCount } from "@/areas/notification/queries";
import { useSendingInTime } from "@/areas/notification/unsent";
import { useStoredTheme } from "@/areas/theme/queries";
import { t } from "@/lib/i18n/t";
import type { Session } from "@/lib/session-client";
import { ErrorState } from "@/ui/ErrorState";
import { focusContent } from "@/ui/focus-content";
import { UnreadContext } from "@/ui/PageTitle";
import { Redirect } from "@/ui/Redirect";
import { useLive } from "./live";
import { Navigation } from "./Navigation";
import { loadPalette } from "./PaletteButton";
import { TopBar } from "./TopBar";

/** Long enough after the first page is drawn to be no part of its load. */
const REST_AFTER_MS = 3_000;

/** Lets in who is signed in, and shows the others where to go. */
export function Shell() {
  const session = useSession();
  const onboarding = useOnboardingStatus();
  const router = useRouter();

  if (session.data) return <SignedIn key={session.data.user.id} session={session.data} />;
  if (session.data === null) {
    if (onboarding.data?.needsOnboarding) return <Redirect to="/onboarding" />;
    if (!onboarding.isPending) return <Redirect to={signInFrom(router.latestLocation.href)} />;
  }
  if (session.isError) {
    return (
      <main className="pt-[12vh]">
        <ErrorState error={session.error} onRetry={() => void Promise.all([session.refetch(), onboarding.refetch()])} />
      </main>
    );
  }
  return <div role="status" aria-label={t("common.loading")} className="h-14 border-b border-line bg-surface" />;
}

function SignedIn({ session }: { session: Session }) {
  const queries = useQueryClient();
  const live = useLive();
  const unread = useUnreadCount();
  const router = useRouter();
  useStoredTheme();
  useSendingInTime();

  // Another page begins at its content, or where the link led, as it would had the browser loaded it; whoever types into the search goes on typing.
  useEffect(
    () =>
      router.subscribe("onRendered", ({ pathChanged, toLocation }) => {
        if (pathChanged && !document.activeElement?.matches("input")) focusContent(toLocation.hash);
      }),
    [router],
  );

  // The other pages are fetched while the server is there: one asked for when it is not would leave the app for the browser's error page.
  useEffect(() => {
    const timer = setTimeout(() => {
      for (const route of Object.values(router.routesById)) void router.loadRouteChunk(route)?.catch(() => undefined);
      loadPalette().catch(() => undefined);
    }, REST_AFTER_MS);
    return () => clearTimeout(timer);
  }, [router]);

  // Whoever signs in next must not see what this one could read.
  useEffect(() => () => queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "auth" }), [queries]);

  return (
    <UnreadContext value={unread}>
      <a href="#content" className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-lg focus:bg-raised focus:px-4 focus:py-2 focus:shadow-raised">
        {t("app.skip")}
      </a>
      <TopBar user={session.user} live={live} />
      <div className="mx-auto flex max-w-[76rem]">
        <div className="sticky top-14 hidden h-[calc(100dvh-3.5rem)] w-56 shrink-0 overflow-y-auto px-3 py-6 nav:block">
          <Navigation />
        </div>
        <main id="content" tabIndex={-1} className="min-w-0 flex-1 px-4 py-6 sm:px-6 nav:py-8">
          <div className="mx-auto max-w-[60rem] pb-16">
            <Outlet />
          </div>
        </main>
      </div>
    </UnreadContext>
  );
}

/** The sign-in that leads back to where it was asked for. */
function signInFrom(href: string): string {
  return href === "/" ? "/sign-in" : `/sign-in?redirect=${encodeURIComponent(href)}`;
}
