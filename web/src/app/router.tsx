import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect, type RouterHistory } from "@tanstack/react-router";
import { isState } from "@/areas/healthcheck/states";
import type { State } from "@/areas/healthcheck/queries";
import { AdministrationLayout } from "./AdministrationLayout";
import { ErrorPage } from "./ErrorPage";
import { NotFoundPage } from "./NotFoundPage";
import { SettingsLayout } from "./SettingsLayout";
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
  validateSearch: pageOf,
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
  validateSearch: (search): { page?: number; show?: "all" | "unread"; find?: string } => ({ ...pageOf(search), ...(search["show"] === "unread" ? { show: "unread" } : {}), ...findOf(search) }),
  component: lazyRouteComponent(() => import("@/areas/notification/pages/InboxPage"), "InboxPage"),
});

const settings = createRoute({ getParentRoute: () => shell, path: "/settings", component: SettingsLayout });

const notificationSettings = createRoute({
  getParentRoute: () => settings,
  path: "/",
  validateSearch: connectedOf,
  component: lazyRouteComponent(() => import("@/areas/notification/pages/SettingsPage"), "SettingsPage"),
});

const account = createRoute({
  getParentRoute: () => settings,
  path: "/account",
  component: lazyRouteComponent(() => import("@/areas/auth/pages/AccountPage"), "AccountPage"),
});

const sessions = createRoute({
  getParentRoute: () => settings,
  path: "/sessions",
  component: lazyRouteComponent(() => import("@/areas/auth/pages/SessionsPage"), "SessionsPage"),
});

const administration = createRoute({ getParentRoute: () => shell, path: "/administration", component: AdministrationLayout });

const waysOut = createRoute({
  getParentRoute: () => administration,
  path: "/",
  validateSearch: pageOf,
  component: lazyRouteComponent(() => import("@/areas/notification/pages/AdministrationPage"), "AdministrationPage"),
});

const attempts = createRoute({
  getParentRoute: () => administration,
  path: "/attempts",
  validateSearch: (search): { page?: number; notification?: string } => ({
    ...pageOf(search),
    ...(typeof search["notification"] === "string" && search["notification"] !== "" ? { notification: search["notification"] } : {}),
  }),
  component: lazyRouteComponent(() => import("@/areas/notification/pages/AttemptsPage"), "AttemptsPage"),
});

const catalog = createRoute({
  getParentRoute: () => administration,
  path: "/catalog",
  validateSearch: pageOf,
  component: lazyRouteComponent(() => import("@/areas/catalog/pages/CatalogPage"), "CatalogPage"),
});

const users = createRoute({
  getParentRoute: () => administration,
  path: "/users",
  validateSearch: (search): { page?: number; find?: string } => ({ ...pageOf(search), ...findOf(search) }),
  component: lazyRouteComponent(() => import("@/areas/auth/pages/UsersPage"), "UsersPage"),
});

const roles = createRoute({
  getParentRoute: () => administration,
  path: "/roles",
  component: lazyRouteComponent(() => import("@/areas/auth/pages/RolesPage"), "RolesPage"),
});

const addRole = createRoute({
  getParentRoute: () => administration,
  path: "/roles/new",
  component: lazyRouteComponent(() => import("@/areas/auth/pages/RolePage"), "AddRolePage"),
});

const role = createRoute({
  getParentRoute: () => administration,
  path: "/roles/$roleId",
  component: lazyRouteComponent(() => import("@/areas/auth/pages/RolePage"), "RolePage"),
});

const keys = createRoute({
  getParentRoute: () => administration,
  path: "/keys",
  validateSearch: pageOf,
  component: lazyRouteComponent(() => import("@/areas/auth/pages/KeysPage"), "KeysPage"),
});

const audit = createRoute({
  getParentRoute: () => administration,
  path: "/audit",
  validateSearch: (search): { page?: number; show?: "all" | "refused" } => ({ ...pageOf(search), ...(search["show"] === "refused" ? { show: "refused" } : {}) }),
  component: lazyRouteComponent(() => import("@/areas/auth/pages/AuditPage"), "AuditPage"),
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

const signUp = createRoute({
  getParentRoute: () => root,
  path: "/sign-up",
  component: lazyRouteComponent(() => import("@/areas/auth/pages/SignUpPage"), "SignUpPage"),
});

const forgotPassword = createRoute({
  getParentRoute: () => root,
  path: "/forgot-password",
  component: lazyRouteComponent(() => import("@/areas/auth/pages/ForgotPasswordPage"), "ForgotPasswordPage"),
});

const resetPassword = createRoute({
  getParentRoute: () => root,
  path: "/reset-password",
  validateSearch: tokenOf,
  component: lazyRouteComponent(() => import("@/areas/auth/pages/ResetPasswordPage"), "ResetPasswordPage"),
});

/** An address that leads on to another one. */
const leadsTo = (path: string, to: "/inbox" | "/administration/attempts" | "/settings/account" | "/administration/users" | "/sign-in" | "/sign-up" | "/onboarding" | "/forgot-password") =>
  createRoute({
    getParentRoute: () => root,
    path,
    beforeLoad: () => {
      throw redirect({ to, replace: true });
    },
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
    path: "/catalog/config",
    validateSearch: (search): { action?: "create" } => (search["action"] === "create" ? { action: "create" } : {}),
    beforeLoad: ({ search }) => {
      throw redirect({ to: search.action === "create" ? "/systems/new" : "/administration/catalog", replace: true });
    },
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/auth/reset-password",
    validateSearch: tokenOf,
    beforeLoad: ({ search }) => {
      throw redirect({ to: "/reset-password", search, replace: true });
    },
  }),
  leadsTo("/notification", "/inbox"),
  createRoute({
    getParentRoute: () => root,
    path: "/notification/settings",
    validateSearch: connectedOf,
    beforeLoad: ({ search }) => {
      throw redirect({ to: "/settings", search, replace: true });
    },
  }),
  leadsTo("/notifications/delivery-attempts", "/administration/attempts"),
  leadsTo("/auth/login", "/sign-in"),
  leadsTo("/auth/register", "/sign-up"),
  leadsTo("/auth/onboarding", "/onboarding"),
  leadsTo("/auth/forgot-password", "/forgot-password"),
  leadsTo("/auth/change-password", "/settings/account"),
  leadsTo("/auth/profile", "/settings/account"),
  leadsTo("/auth/settings", "/administration/users"),
];

const tree = root.addChildren([
  shell.addChildren([
    systems,
    addSystem,
    system,
    editSystem,
    inbox,
    settings.addChildren([notificationSettings, account, sessions]),
    administration.addChildren([waysOut, attempts, catalog, users, roles, addRole, role, keys, audit]),
  ]),
  signIn,
  signUp,
  forgotPassword,
  resetPassword,
  onboarding,
  ...known,
]);

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

/** What a list is searched for. The router takes `find=42` for a number. */
function findOf({ find }: Record<string, unknown>): { find?: string } {
  return (typeof find === "string" && find !== "") || typeof find === "number" || typeof find === "boolean" ? { find: String(find) } : {};
}

/** What the way back from a provider carries: the channel that was connected, or why it was not. */
function connectedOf(search: Record<string, unknown>): { linked?: string; error?: string } {
  const textOf = (name: "linked" | "error") => (typeof search[name] === "string" && search[name] !== "" ? { [name]: search[name] } : {});
  return { ...textOf("linked"), ...textOf("error") };
}

/** What a reset message carries. */
function tokenOf(search: Record<string, unknown>): { token?: string } {
  return typeof search["token"] === "string" && search["token"] !== "" ? { token: search["token"] } : {};
}
