import { useId } from "react";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import type { ChannelTest } from "../channel-test";

interface TestButtonProps {
  test: ChannelTest;
  /** Something is typed that is not stored, which a test would not try. */
  unsaved: boolean;
  text: string;
  /** The whole name, where other buttons of the page have this text too; it begins with the text. */
  name?: string;
}

/** Sends a test over a channel, or says why not yet, below the buttons that it stands among. */
export function TestButton({ test, unsaved, text, name }: TestButtonProps) {
  const why = useId();
  return (
    <>
      <Button aria-label={name} aria-describedby={unsaved ? why : undefined} busy={test.isPending} disabled={unsaved} onClick={() => test.mutate()}>
        {text}
      </Button>
      {unsaved && (
        <p id={why} className="order-last basis-full text-sm text-muted">
          {t("channel.testUnsaved")}
        </p>
      )}
    </>
  );
}
