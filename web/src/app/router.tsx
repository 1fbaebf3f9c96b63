import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect, type RouterHistory } from "@tanstack/react-router";
import { isState } from "@/areas/healthcheck/states";
import type { State } from "@/areas/healthcheck/queries";
import { ErrorPage } from "./ErrorPage";
import { NotFoundPage } from "./NotFoundPage";
import { Shell } from "./Shell";

const root = createRootRoute({ notFoundComponent: NotFoundPage });

/** Everything that needs a session: the bars around it, and the sign-in before it. */
const shell = createRoute({ getParentRoute: () => root, id: "shell", component: Shell });

const systems = createRoute({
  getParentRoute: () => shell,
  path: "/",
  validateSearch: (search): { state?: State; q?: string } => ({
    ...(isState(search["state"]) ? { state: search["state"] } : {}),
    ...(typeof search["q"] === "string" && search["q"] !== "" ? { q: search["q"] } : {}),
  }),
  component: lazyRouteComponent(() => import("@/areas/catalog/pages/SystemsPage"), "SystemsPage"),
});

const addSystem = createRoute({
  getParentRoute: () => shell,
  path: "/systems/new",
  component: lazyRouteComponent(() => import("@/areas/catalog/pages/AddSystemPage"), "AddSystemPage"),
});

const system = createRoute({
  getParentRoute: () => shell,
  path: "/systems/$systemId",
  validateSearch: (search): { page?: number } => pageOf(search),
  component: lazyRouteComponent(() => import("@/areas/catalog/pages/SystemPage"), "SystemPage"),
});

const editSystem = createRoute({
  getParentRoute: () => shell,
  path: "/systems/$systemId/edit",
  validateSearch: (search): { check?: string } => (typeof search["check"] === "string" ? { check: search["check"] } : {}),
  component: lazyRouteComponent(() => import("@/areas/catalog/pages/EditSystemPage"), "EditSystemPage"),
});

const inbox = createRoute({
  getParentRoute: () => shell,
  path: "/inbox",
  validateSearch: (search): { page?: number; show?: "all" | "unread" } => ({ ...pageOf(search), ...(search["show"] === "unread" ? { show: "unread" } : {}) }),
  component: lazyRouteComponent(() => import("@/areas/notification/pages/InboxPage"), "InboxPage"),
});

const settings = createRoute({
  getParentRoute: () => shell,
  path: "/settings",
  component: lazyRouteComponent(() => import("@/areas/notification/pages/SettingsPage"), "SettingsPage"),
});

const administration = createRoute({
  getParentRoute: () => shell,
  path: "/administration",
  component: lazyRouteComponent(() => import("@/areas/notification/pages/AdministrationPage"), "AdministrationPage"),
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  // Only a path of this site: a page that led elsewhere after the sign-in would help whoever made the link.
  validateSearch: (search): { redirect?: string } => (typeof search["redirect"] === "string" && /^\/(?![/\\])/.test(search["redirect"]) ? { redirect: search["redirect"] } : {}),
  component: lazyRouteComponent(() => import("@/areas/auth/pages/SignInPage"), "SignInPage"),
});

const onboarding = createRoute({
  getParentRoute: () => root,
  path: "/onboarding",
  component: lazyRouteComponent(() => import("@/areas/auth/pages/OnboardingPage"), "OnboardingPage"),
});

/** Addresses that notifications and bookmarks of the wire contract's other web app carry. */
const known = [
  createRoute({
    getParentRoute: () => root,
    path: "/catalog/system/$systemId",
    beforeLoad: ({ params }) => {
      throw redirect({ to: "/systems/$systemId", params, replace: true });
    },
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/notification",
    beforeLoad: () => {
      throw redirect({ to: "/inbox", replace: true });
    },
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/notification/settings",
    beforeLoad: () => {
      throw redirect({ to: "/settings", replace: true });
    },
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/auth/login",
    beforeLoad: () => {
      throw redirect({ to: "/sign-in", replace: true });
    },
  }),
];

const tree = root.addChildren([shell.addChildren([systems, addSystem, system, editSystem, inbox, settings, administration]), signIn, onboarding, ...known]);

export function makeRouter(history?: RouterHistory) {
  return createRouter({
    routeTree: tree,
    ...(history ? { history } : {}),
    defaultPreload: "intent",
    defaultErrorComponent: ErrorPage,
    defaultNotFoundComponent: NotFoundPage,
    scrollRestoration: true,
    // Without it, what a page's validateSearch leaves out reaches the page all the same, unjudged.
    search: { strict: true },
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}

function pageOf(search: Record<string, unknown>): { page?: number } {
  const page = Number(search["page"]);
  return Number.isSafeInteger(page) && page > 1 ? { page } : {};
}
