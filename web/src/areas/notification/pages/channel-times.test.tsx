import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { FakeError } from "../../../../test/fake/fake-server";
import { openApp } from "../../../../test/open-app";

const WEBHOOK = "notification-webhook.webhook";
const preferences = (server: ReturnType<typeof openApp>["server"]) => server.callsOf("notification.setUserDeliveryPreference");

const told = () => screen.getByTestId("channel-times").textContent;

/** The settings with a webhook that is set up, and its times opened. */
async function opened() {
  const app = openApp("/settings");
  await app.user.type(await screen.findByLabelText("URL"), "http://sink.test/hook");
  await app.user.click(screen.getByRole("button", { name: "Save" }));
  await app.user.click(await screen.findByTestId("channel-times"));
  return app;
}

describe("when a channel speaks", () => {
  it("is collected, and quiet in some hours of a zone, until that is taken back", async () => {
    const { user, server } = await opened();
    expect(told()).toBe("When it speaks (Webhook):Each message at once");
    await user.selectOptions(screen.getByRole("combobox", { name: "Send" }), "Collected, every 15 minutes");
    await user.click(screen.getByRole("checkbox", { name: "Quiet hours" }));
    fireEvent.change(screen.getByLabelText("From"), { target: { value: "21:30" } });
    await user.clear(screen.getByLabelText("Time zone"));
    await user.type(screen.getByLabelText("Time zone"), "Europe/Atlantis");
    await user.click(screen.getByRole("button", { name: "Save times" }));
    expect(screen.getByText(/^Enter a time zone/)).toBeTruthy();
    await waitFor(() => expect(document.activeElement).toBe(screen.getByLabelText("Time zone")));
    expect(preferences(server)).toHaveLength(1);

    await user.clear(screen.getByLabelText("Time zone"));
    await user.type(screen.getByLabelText("Time zone"), "Europe/Berlin");
    await user.click(screen.getByRole("button", { name: "Save times" }));
    expect(await screen.findByText("Times of Webhook saved.")).toBeTruthy();
    expect(preferences(server).at(-1)).toEqual({ strategyId: WEBHOOK, enabled: true, digestMinutes: 15, quietHours: { from: "21:30", to: "07:00", timeZone: "Europe/Berlin" } });
    await waitFor(() => expect(told()).toBe("When it speaks (Webhook):Collected, every 15 minutes, quiet from 21:30 to 07:00"));

    await user.selectOptions(screen.getByRole("combobox", { name: "Send" }), "Each message at once");
    await user.click(screen.getByRole("checkbox", { name: "Quiet hours" }));
    await user.click(screen.getByRole("button", { name: "Save times" }));
    await waitFor(() => expect(preferences(server).at(-1)).toEqual({ strategyId: WEBHOOK, enabled: true, digestMinutes: 0, quietHours: null }));
    await waitFor(() => expect(told()).toBe("When it speaks (Webhook):Each message at once"));
  });

  it("keeps what was typed when the server refuses it, beside the field it names", async () => {
    const { user, server } = await opened();
    await user.click(screen.getByRole("checkbox", { name: "Quiet hours" }));
    server.fail("notification.setUserDeliveryPreference", new FakeError(400, "BAD_REQUEST", "Invalid", [{ path: ["quietHours", "timeZone"], message: "This zone is not known here" }]));
    await user.click(screen.getByRole("button", { name: "Save times" }));
    expect(await screen.findByText("This zone is not known here")).toBeTruthy();
    expect(screen.getByLabelText("From")).toHaveProperty("value", "22:00");
    server.fail("notification.setUserDeliveryPreference", new FakeError(503, "SERVICE_UNAVAILABLE", "Busy"));
    await user.click(screen.getByRole("button", { name: "Save times" }));
    expect((await screen.findByRole("alert")).textContent).toMatch(/busy/);
  });
});

describe("a channel with an account", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });
  const assign = () => {
    const to: string[] = [];
    const { origin, href } = window.location;
    vi.stubGlobal("location", { origin, href, assign: (url: string) => to.push(url) });
    return to;
  };

  it("is connected at its provider", async () => {
    const { user, server } = openApp("/settings", { prepare: ({ delivery }) => void (delivery.teams = {}) });
    expect(await screen.findByText("Not connected")).toBeTruthy();
    const to = assign();
    await user.click(screen.getByRole("button", { name: "Connect Microsoft Teams" }));
    await waitFor(() => expect(to).toEqual(["https://login.example.com/authorize?state=notification-teams.teams&then=/settings"]));
    expect(server.callsOf("notification.getDeliveryOAuthUrl")).toEqual([{ strategyId: "notification-teams.teams", returnUrl: "/settings" }]);
  });

  it("tells how the way back ended until its reader has seen it, and is disconnected after asking", async () => {
    const { user, at } = openApp("/notification/settings?linked=notification-teams.teams", { prepare: ({ delivery }) => void (delivery.teams = { linkedAt: new Date() }) });
    expect(await screen.findByText("Microsoft Teams is connected.")).toBeTruthy();
    expect(at()).toBe("/settings?linked=notification-teams.teams");
    await user.click(screen.getByRole("button", { name: "Close" }));
    await waitFor(() => expect(at()).toBe("/settings"));
    expect(screen.queryByText("Microsoft Teams is connected.")).toBeNull();

    await user.click(screen.getByRole("button", { name: "Disconnect Microsoft Teams" }));
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Disconnect Microsoft Teams" }));
    expect(await screen.findByText("Microsoft Teams was disconnected.")).toBeTruthy();
    expect(await screen.findByText("Not connected")).toBeTruthy();
  });

  it("says why it was not connected", async () => {
    openApp("/settings?error=denied", { prepare: ({ delivery }) => void (delivery.teams = {}) });
    expect((await screen.findByRole("alert")).textContent).toMatch(/not given the permission/);
  });
});
