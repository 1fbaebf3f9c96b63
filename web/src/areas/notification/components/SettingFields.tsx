import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { Checkbox } from "@/ui/Checkbox";
import { Field } from "@/ui/Field";
import { PasswordField } from "@/ui/PasswordField";
import { SelectField } from "@/ui/SelectField";
import type { ChannelField, Typed } from "../channel-fields";

interface SettingFieldsProps {
  fields: readonly ChannelField[];
  values: Typed;
  /** Props of a field, as useForm gives them. */
  field: (name: string) => { value: string; error: string | undefined; onValue: (value: string) => void };
  set: (name: string, value: string | boolean) => void;
  /** Asked for when a stored secret is to be forgotten. */
  onRemove: (field: ChannelField) => void;
}

/** The inputs of a channel's settings, one a member of its schema. A secret is never shown: it is set or not, replaced or removed. */
export function SettingFields({ fields, values, field, set, onRemove }: SettingFieldsProps) {
  return fields.map((each) => {
    if (each.kind === "boolean") return <Checkbox key={each.name} label={each.label} hint={each.hint} checked={values[each.name] === true} onChange={(checked) => set(each.name, checked)} />;
    if (each.kind === "choice") {
      const none = each.required ? [] : [{ value: "", text: t("channel.noChoice") }];
      return <SelectField key={each.name} {...field(each.name)} label={each.label} hint={each.hint} options={[...none, ...each.options.map((value) => ({ value, text: value }))]} />;
    }
    if (each.secret)
      return (
        <div key={each.name}>
          <PasswordField
            {...field(each.name)}
            label={each.label}
            hint={each.stored ? t("channel.secretSet") : each.hint}
            placeholder={each.stored ? t("channel.secretReplace") : undefined}
            autoComplete="off"
          />
          {each.stored && !each.required && (
            <Button tone="quiet" small className="mt-1 -ml-2.5" onClick={() => onRemove(each)}>
              {t("channel.removeField", { field: each.label })}
            </Button>
          )}
        </div>
      );
    return (
      <Field
        key={each.name}
        {...field(each.name)}
        label={each.label}
        hint={each.hint}
        type={each.isUrl ? "url" : "text"}
        inputMode={each.kind === "number" ? "numeric" : undefined}
        spellCheck={false}
        autoComplete="off"
      />
    );
  });
}
