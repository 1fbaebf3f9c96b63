import type { Input, Output } from "../../src/lib/client.ts";
import { FakeError, found } from "./fake-tools.ts";

type Strategy = Output<"notification", "getDeliveryStrategies">[number];
type Update = Input<"notification", "updateDeliveryStrategy">;
type DeadLetter = Output<"notification", "getDeadLetters">["items"][number];
type Attempt = Output<"notification", "getDeliveryAttempts">["items"][number];
type Delivery = Output<"notification", "getNotificationDeliveries">["deliveries"][number];
type Channel = Output<"notification", "getUserDeliveryChannels">[number];

const TELEGRAM_SCHEMA = {
  type: "object",
  properties: {
    botToken: { type: "string", title: "Bot token", description: "From @BotFather.", "x-secret": true },
    apiBaseUrl: { type: "string", format: "uri", title: "API address", description: "Only for a server of your own." },
  },
};

/** What administrators see of deliveries. */
export class FakeDelivery {
  retention: Output<"notification", "getRetentionSettings"> = { enabled: false, retentionDays: 30 };
  readonly deadLetters: DeadLetter[] = [];
  readonly attempts: Attempt[] = [];
  /** What became of notifications on channels. */
  readonly deliveries: Delivery[] = [];
  /** A channel whose users connect an account; offered once there is one. */
  teams: { linkedAt?: Date } | undefined;
  /** A channel that needs an administrator's settings. */
  readonly telegram: Strategy = {
    qualifiedId: "notification-telegram.telegram",
    displayName: "Telegram",
    description: "Messages of a bot.",
    ownerPluginId: "notification-telegram",
    contactResolution: { type: "user-config", field: "chatId" },
    requiresUserConfig: true,
    requiresOAuthLink: false,
    configSchema: TELEGRAM_SCHEMA,
    enabled: false,
    secretsSet: [],
    adminInstructions: "Make a bot with *@BotFather*.",
  };
  /** What everybody has told of himself for that channel. */
  chatId: string | undefined;
  private readonly id: () => string;

  constructor(id: () => string) {
    this.id = id;
  }

  /** A delivery that failed for good after so many tries. */
  die(reason: string, { userName = "Ada Admin", attempts = 10 }: { userName?: string; attempts?: number } = {}): DeadLetter {
    const letter: DeadLetter = {
      deliveryId: this.id(),
      notificationId: this.id(),
      userId: this.id(),
      userName,
      strategyQualifiedId: this.telegram.qualifiedId,
      attempts,
      reason,
      createdAt: new Date(),
      diedAt: new Date(),
    };
    this.deadLetters.unshift(letter);
    for (let at = 0; at < attempts; at++)
      this.attempts.unshift({
        id: this.id(),
        deliveryId: letter.deliveryId,
        notificationId: letter.notificationId,
        strategyQualifiedId: letter.strategyQualifiedId,
        attemptedAt: new Date(),
        status: "failure",
        errorMessage: reason,
        durationMs: 12,
      });
    return letter;
  }

  /** A notification went over a channel, and this became of it; what it was before is forgotten. */
  deliver(notificationId: string, displayName: string, state: Delivery["state"], more: Partial<Delivery> = {}): void {
    const strategyId = `notification-${displayName.toLowerCase()}.${displayName.toLowerCase()}`;
    const at = this.deliveries.findIndex((each) => each.notificationId === notificationId && each.strategyId === strategyId);
    this.deliveries.splice(at < 0 ? this.deliveries.length : at, 1, { notificationId, strategyId, displayName, state, attempts: 1, updatedAt: new Date(), ...more });
  }

  teamsChannel(): Channel[] {
    if (this.teams === undefined) return [];
    return [
      {
        strategyId: "notification-teams.teams",
        displayName: "Microsoft Teams",
        description: "Messages in your chat.",
        contactResolution: { type: "oauth-link" },
        enabled: true,
        isConfigured: this.teams.linkedAt !== undefined,
        digestMinutes: 0,
        ...this.teams,
      },
    ];
  }

  telegramChannel(): Channel[] {
    const { qualifiedId: strategyId, displayName, enabled } = this.telegram;
    if (!enabled) return [];
    return [
      {
        strategyId,
        displayName,
        description: "Messages of a bot.",
        contactResolution: { type: "user-config" },
        enabled: true,
        isConfigured: this.chatId !== undefined,
        digestMinutes: 0,
        userConfigSchema: { type: "object", properties: { chatId: { type: "string", title: "Chat ID" } }, required: ["chatId"] },
        ...(this.chatId === undefined ? {} : { userConfig: { chatId: this.chatId } }),
      },
    ];
  }

  replay(deliveryId: string): void {
    const at = this.deadLetters.findIndex((each) => each.deliveryId === deliveryId);
    if (at < 0 && this.attempts.some((each) => each.deliveryId === deliveryId)) throw new FakeError(409, "CONFLICT", "This delivery is already on its way");
    found(this.deadLetters[at]);
    this.deadLetters.splice(at, 1);
  }

  update({ enabled, config }: Update): void {
    this.telegram.enabled = enabled;
    const { botToken, ...rest } = (config ?? {}) as { botToken?: string | null };
    if (botToken !== undefined) this.telegram.secretsSet = botToken === null ? [] : ["botToken"];
    this.telegram.config = Object.fromEntries(Object.entries({ ...(this.telegram.config as object), ...rest }).filter(([, value]) => value !== null));
  }
}
