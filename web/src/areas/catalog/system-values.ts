import type { Association, Configuration } from "@/areas/healthcheck/queries";
import type { Input } from "@/lib/client";
import { t } from "@/lib/i18n/t";
import { asRecord, asText } from "@/lib/record";
import { httpUrl, integer, required } from "@/lib/validate";
import type { System } from "./queries";

/** What the form of a system holds, as typed. */
export type SystemValues = {
  name: string;
  description: string;
  url: string;
  intervalSeconds: string;
  /** Empty: any status from 200 to 399. */
  expectedStatus: string;
  degradedAfter: string;
  unhealthyAfter: string;
  healthyAfter: string;
  tellMe: boolean;
};

type CheckInput = Input<"healthcheck", "createConfiguration">;
type Thresholds = NonNullable<Input<"healthcheck", "associateSystem">["body"]["stateThresholds"]>;
type Collectors = NonNullable<CheckInput["collectors"]>;

export const HTTP_STRATEGY = "healthcheck-http.http";
const HTTP_REQUEST = "healthcheck-http.request";
const DAY_SECONDS = 86_400;
const MOST_RUNS = 100;

export const newSystem: SystemValues = {
  name: "",
  description: "",
  url: "",
  intervalSeconds: "60",
  expectedStatus: "",
  degradedAfter: "2",
  unhealthyAfter: "5",
  healthyAfter: "1",
  tellMe: true,
};

export function mistakes(values: SystemValues): Partial<Record<keyof SystemValues, string | undefined>> {
  const degraded = integer(values.degradedAfter, 1, MOST_RUNS);
  const unhealthy = integer(values.unhealthyAfter, 1, MOST_RUNS);
  const outOfOrder = !degraded && !unhealthy && Number(values.unhealthyAfter) < Number(values.degradedAfter);
  return {
    name: required(values.name, 200),
    url: httpUrl(values.url),
    intervalSeconds: integer(values.intervalSeconds, 1, DAY_SECONDS),
    expectedStatus: values.expectedStatus.trim() === "" ? undefined : integer(values.expectedStatus, 100, 599),
    degradedAfter: degraded,
    unhealthyAfter: unhealthy ?? (outOfOrder ? t("systemForm.order") : undefined),
    healthyAfter: integer(values.healthyAfter, 1, MOST_RUNS),
  };
}

/** The check these values describe. `known` is its present form: what the form does not show is kept. */
export function checkOf(values: SystemValues, known?: Configuration): CheckInput {
  const collector = known?.collectors?.[0];
  const otherAssertions = (collector?.assertions ?? []).filter((each) => !isExpectedStatus(each));
  const expected = values.expectedStatus.trim() === "" ? [] : [{ field: "statusCode", operator: "equals", value: Number(values.expectedStatus) }];
  return {
    name: known?.name ?? values.name.trim(),
    strategyId: HTTP_STRATEGY,
    config: known?.config ?? {},
    intervalSeconds: Number(values.intervalSeconds),
    collectors: [
      {
        id: collector?.id ?? newId(),
        collectorId: HTTP_REQUEST,
        config: { method: "GET", ...asRecord(collector?.config), url: values.url.trim() },
        assertions: [...expected, ...otherAssertions],
      },
      ...(known?.collectors?.slice(1) ?? []),
    ],
  };
}

export function thresholdsOf(values: SystemValues): Thresholds {
  return {
    mode: "consecutive",
    healthy: { minSuccessCount: Number(values.healthyAfter) },
    degraded: { minFailureCount: Number(values.degradedAfter) },
    unhealthy: { minFailureCount: Number(values.unhealthyAfter) },
  };
}

/** A stored system as the form shows it. */
export function valuesOf(system: System, configuration: Configuration | undefined, association: Association | undefined): SystemValues {
  const collector = configuration?.collectors?.[0];
  const expected = collector?.assertions?.find(isExpectedStatus)?.value;
  const thresholds = association?.stateThresholds;
  return {
    ...newSystem,
    name: system.name,
    description: system.description ?? "",
    url: asText(asRecord(collector?.config)["url"]) ?? "",
    ...(configuration ? { intervalSeconds: String(configuration.intervalSeconds) } : {}),
    expectedStatus: typeof expected === "number" || typeof expected === "string" ? String(expected) : "",
    ...(thresholds?.mode === "consecutive"
      ? {
          degradedAfter: String(thresholds.degraded.minFailureCount),
          unhealthyAfter: String(thresholds.unhealthy.minFailureCount),
          healthyAfter: String(thresholds.healthy.minSuccessCount),
        }
      : {}),
    tellMe: false,
  };
}

/** The one assertion the form offers; all others are kept as they are. */
function isExpectedStatus(assertion: NonNullable<Collectors[number]["assertions"]>[number]): boolean {
  return assertion.field === "statusCode" && assertion.operator === "equals";
}

/** A version 4 UUID. `crypto.randomUUID` is absent where the page came over plain HTTP from another machine. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
