import { cleanup, configure } from "@testing-library/react";
import { afterEach, beforeEach, vi } from "vitest";
import { FakeBrowser } from "./fake-browser.ts";

// What jsdom leaves out of a browser. Each stands for the plain behaviour the app relies on, no more.
const openers = new WeakMap<HTMLDialogElement, Element>();
HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
  if (document.activeElement) openers.set(this, document.activeElement);
  this.querySelector<HTMLElement>("button, [href], input")?.focus();
};
HTMLDialogElement.prototype.close = function () {
  this.open = false;
  // As in a browser, only while it is in the page.
  const opener = openers.get(this);
  if (this.isConnected && opener instanceof HTMLElement) opener.focus();
};
vi.stubGlobal(
  "ResizeObserver",
  class {
    observe() {}
    unobserve() {}
    disconnect() {}
  },
);
window.scrollTo = () => undefined;
Element.prototype.scrollIntoView = () => undefined;

// A failure names what is missing; the whole page beside it would bury that.
// A busy machine must not fail a test, so what is waited for may take its time.
configure({ getElementError: (message) => new Error(message ?? "not found"), asyncUtilTimeout: 5_000 });

beforeEach(() => FakeBrowser.install());

afterEach(() => {
  cleanup();
  FakeBrowser.uninstall();
  localStorage.clear();
  delete document.documentElement.dataset["theme"];
});
