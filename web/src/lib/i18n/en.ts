/**
 * The texts of what every page has around it and of the first page; those of the other pages stand in `en-later.ts`. A key begins with
 * the area or the part of the page it belongs to.
 */
export const en = {
  "app.name": "Watchbell",
  "app.title": "{page} · Watchbell",
  "app.titleUnread": "({unread}) {page} · Watchbell",
  "app.skip": "Skip to content",
  "app.reconnecting": "Reconnecting.",
  "app.reconnectingHint": "What you see may be out of date.",

  "nav.label": "Main",
  "nav.open": "Open menu",
  "nav.close": "Close menu",
  "nav.systems": "Systems",
  "nav.inbox": "Inbox",
  "nav.settings": "Settings",
  "nav.administration": "Administration",

  "nav.settingsParts": "Parts of the settings",
  "nav.administrationParts": "Parts of the administration",

  "search.label": "Find a system",
  "search.clear": "Clear search",
  "palette.open": "Go to anything",

  "views.title": "Views",

  "account.label": "Account: {user}",
  "account.signOut": "Sign out",
  "account.open": "Your account",

  "action.cancel": "Cancel",
  "action.close": "Close",
  "action.copy": "Copy",
  "action.retry": "Try again",
  "action.reload": "Reload",
  "action.save": "Save",
  "action.delete": "Delete",
  "action.edit": "Edit",
  "action.pause": "Pause",
  "action.resume": "Resume",
  "action.remove": "Remove",
  "action.show": "Show",
  "action.hide": "Hide",
  "action.previous": "Previous",
  "action.next": "Next",

  "common.loading": "Loading",
  "common.page": "{from}–{to} of {total}",
  "common.pages": "Pages",
  "common.saved": "Saved.",
  "common.copied": "Copied.",
  "common.copyByHand": "Selected. Press Ctrl+C (⌘C on a Mac) to copy it.",

  "time.justNow": "just now",
  "time.for": "for {duration}",
  "time.since": "since {date}",

  "error.title": "This could not be loaded",
  "error.page": "Something went wrong",
  "error.pageHint": "The page met an error it did not expect. Reloading usually helps.",
  "error.correlation": "Reference {id}",
  "error.network": "The server does not answer. Check your connection.",
  "error.unavailable": "The server is busy. Try again in a moment.",
  "error.server": "The server met an error.",
  "error.forbidden": "You may not do this.",
  "error.unauthorized": "Your session has ended. Sign in again.",
  "error.notFound": "It does not exist, or no longer.",
  "error.tooMany": "Too many tries. Wait a moment, then try again.",
  "error.origin": "This address is not the one the server trusts. Open Watchbell at its own address.",
  "error.unknown": "An unexpected error happened.",
  "error.undone": "{what} was undone: {why}",
  "notFound.title": "Nothing is here",
  "notFound.text": "This address leads to no page.",
  "notFound.back": "Go to your systems",

  "form.required": "Fill this in.",
  "form.email": "Enter an email address.",
  "form.choose": "Choose one.",
  "form.url": "Enter an address that begins with http:// or https://.",
  "form.integer": "Enter a whole number from {min} to {max}.",
  "form.tooLong": "At most {max} characters.",
  "form.password": "Use 8 to 128 characters with an upper case letter, a lower case letter and a digit.",

  "account.title": "Account",

  "sessions.title": "Sessions",

  "state.healthy": "Healthy",
  "state.degraded": "Degraded",
  "state.unhealthy": "Unhealthy",
  "state.unknown": "Unknown",

  "systems.title": "Systems",
  "systems.add": "Add system",
  "systems.filter": "Filter by state",
  "systems.all": "All",
  "systems.latency": "Latency {value}",
  "systems.empty": "Watch your first system",
  "systems.emptyHint": "Point Watchbell at an HTTP address. It will tell you when that stops answering.",
  "systems.emptyReader": "No systems yet",
  "systems.emptyReaderHint": "Systems appear here as soon as someone adds them.",
  "systems.noMatch": "No system matches",
  "systems.noMatchHint": "Clear the filter to see all of them.",
  "systems.clearFilter": "Clear filter",
  "systems.runs": { one: "Last run: {summary}", other: "Last {count} runs: {summary}" },
  "systems.noRuns": "No runs yet",
  "systems.runsPart": "{runs} {state}",

  "systemForm.order": "Must be at least the number for degraded.",

  "system.subscription": "Your subscription",

  "catalog.title": "Catalog",

  "importance.info": "Info",
  "importance.warning": "Warning",
  "importance.critical": "Critical",

  "bell.label": { one: "Notifications, 1 unread", other: "Notifications, {count} unread" },
  "bell.labelNone": "Notifications, none unread",
  "bell.title": "Notifications",
  "bell.empty": "Nothing new",
  "bell.all": "Open inbox",

  "inbox.markAll": "Mark all read",
  "inbox.marking": "Marking as read",

  "settings.unsubscribing": "Unsubscribing",
  "settings.theme": "Appearance",
  "settings.notifications": "Notifications",

  "channel.switching": "Switching {channel}",

  "admin.switching": "Switching {strategy}",
  "admin.notifications": "Notifications",
  "attempts.title": "Delivery tries",

  "users.title": "Users",

  "roles.title": "Roles",

  "keys.title": "API keys",

  "audit.title": "Audit log",
} as const;
