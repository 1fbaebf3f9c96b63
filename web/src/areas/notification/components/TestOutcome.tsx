import type { ReactNode } from "react";
import { t } from "@/lib/i18n/later";
import { ErrorNote } from "@/ui/ErrorNote";
import type { ChannelTest } from "../channel-test";
import { OutcomeMark } from "./OutcomeMark";

/** How the test of a channel ended; `children` say what can be done about one that failed. */
export function TestOutcome({ test: { data, error }, children }: { test: ChannelTest; children?: ReactNode }) {
  const delivered = data?.success === true;
  return (
    <>
      {/* There before it speaks, or not every screen reader would hear it. */}
      <p role="status" className={delivered ? "text-sm" : "sr-only"}>
        {delivered && <OutcomeMark outcome="delivered" said={t("channel.testSent")} />}
      </p>
      {error && <ErrorNote error={error} />}
      {data?.success === false && (
        <div role="alert" className="rounded-lg bg-unhealthy-soft px-4 py-3 text-sm wrap-anywhere text-unhealthy">
          <p>{data.error === undefined ? t("channel.testFailedPlain") : t("channel.testFailed", { reason: data.error })}</p>
          {children}
        </div>
      )}
    </>
  );
}
