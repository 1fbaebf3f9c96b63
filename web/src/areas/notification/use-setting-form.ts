import { useForm } from "@/ui/use-form";
import { isUnsaved, mistakesOf, savedForm, type ChannelField, type Judging, type Typed } from "./channel-fields";

export type SettingForm = ReturnType<typeof useSettingForm>;

/** The form of a channel's settings, its reader's own or everybody's. */
export function useSettingForm(fields: readonly ChannelField[], judging?: Judging) {
  const form = useForm<Typed>(Object.fromEntries(fields.map(({ name, value }) => [name, value])), (typed) => mistakesOf(fields, typed, judging));
  return {
    ...form,
    unsaved: isUnsaved(fields, form.values),
    /** Shows what was typed as it is once it is saved. */
    settle: (typed: Typed) => {
      for (const [name, value] of Object.entries(savedForm(fields, typed))) form.set(name, value);
    },
  };
}
