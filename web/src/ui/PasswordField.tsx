import { useState, type ComponentProps } from "react";
import { t } from "@/lib/i18n/t";
import { Button } from "./Button";
import { Field } from "./Field";

/** A field for a secret, which its owner may look at. */
export function PasswordField(props: Omit<ComponentProps<typeof Field>, "type" | "trailing">) {
  const [shown, setShown] = useState(false);
  return (
    <Field
      {...props}
      type={shown ? "text" : "password"}
      spellCheck={false}
      autoCapitalize="off"
      trailing={
        <Button tone="quiet" small aria-pressed={shown} onClick={() => setShown(!shown)}>
          {shown ? t("action.hide") : t("action.show")}
        </Button>
      }
    />
  );
}
