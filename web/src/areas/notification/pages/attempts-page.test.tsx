import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { openApp } from "../../../../test/open-app";

const rows = () => screen.queryAllByTestId("attempt-row");

describe("delivery tries", () => {
  it("are listed newest first with their reasons, and narrowed to one notification", async () => {
    const { user, at, server } = openApp("/administration/attempts?page=2", {
      prepare: ({ delivery }) => {
        for (let n = 0; n < 6; n++) delivery.die(`reason ${String(n)}`, { attempts: 4 });
      },
    });
    await waitFor(() => expect(rows()).toHaveLength(4));
    await waitFor(() => expect(rows().every((each) => /Failed.*reason 0.*Telegram/.test(each.textContent))).toBe(true));
    // Another filter is another list, so it begins at its first page.
    await user.click(within(rows()[0] ?? document.body).getByRole("link", { name: "All tries of this notification" }));
    const { notificationId } = server.delivery.attempts.at(-1) ?? {};
    await waitFor(() => expect(at()).toBe(`/administration/attempts?notification=${String(notificationId)}`));
    await waitFor(() => expect(screen.queryByRole("link", { name: "All tries of this notification" })).toBeNull());
    await waitFor(() => expect(rows()).toHaveLength(4));
    expect(screen.getByLabelText("Notification")).toHaveProperty("value", notificationId);
    expect(server.callsOf("notification.getDeliveryAttempts").at(-1)).toEqual({ limit: 20, offset: 0, notificationId });

    await user.click(screen.getByRole("link", { name: "Show all" }));
    await waitFor(() => expect(rows()).toHaveLength(20));
    expect(screen.getByLabelText("Notification")).toHaveProperty("value", "");
  });

  it("ask for an id, and never trouble the server with what is none", async () => {
    const { user, at, server } = openApp("/administration/attempts?notification=nonsense");
    expect(await screen.findByText("No try of this notification")).toBeTruthy();
    expect(server.callsOf("notification.getDeliveryAttempts")).toEqual([]);
    await user.click(screen.getByRole("button", { name: "Show its tries" }));
    expect(screen.getByText(/^Enter an id/)).toBeTruthy();
    await user.clear(screen.getByLabelText("Notification"));
    await user.type(screen.getByLabelText("Notification"), "00000000-0000-7000-8000-000000000099");
    await user.click(screen.getByRole("button", { name: "Show its tries" }));
    await waitFor(() => expect(at()).toBe("/administration/attempts?notification=00000000-0000-7000-8000-000000000099"));
    expect(await screen.findByText("No try of this notification")).toBeTruthy();
    await waitFor(() => expect(server.callsOf("notification.getDeliveryAttempts")).toHaveLength(1));
    await user.clear(screen.getByLabelText("Notification"));
    await user.click(screen.getByRole("button", { name: "Show its tries" }));
    expect(await screen.findByText("Nothing was tried yet")).toBeTruthy();
  });

  it("lead back from a page beyond the last", async () => {
    const { at } = openApp("/administration/attempts?page=7", { prepare: ({ delivery }) => void delivery.die("no", { attempts: 21 }) });
    await waitFor(() => expect(at()).toBe("/administration/attempts?page=2"));
    await waitFor(() => expect(rows()).toHaveLength(1));
  });

  it("are neither offered nor shown to others", async () => {
    const { server } = openApp("/administration/attempts", { rules: ["catalog.system.read"] });
    expect(await screen.findByText("This page is for administrators")).toBeTruthy();
    expect(screen.queryByRole("link", { name: "Delivery tries" })).toBeNull();
    expect(server.callsOf("notification.getDeliveryAttempts")).toEqual([]);
  });
});
