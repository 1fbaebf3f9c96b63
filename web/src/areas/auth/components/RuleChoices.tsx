import { t } from "@/lib/i18n/later";
import { Checkbox } from "@/ui/Checkbox";
import { ADMIN, ANONYMOUS, type AccessRule } from "../people";
import { holds } from "../queries";

interface RuleChoicesProps {
  rules: readonly AccessRule[];
  /** Undefined for a role that is being made. */
  roleId: string | undefined;
  /** What the reader holds. */
  own: readonly string[];
  chosen: ReadonlySet<string>;
  readOnly: boolean;
  onChange: (chosen: Set<string>) => void;
}

/** What a role allows, by area. A rule that cannot be given stands there too, with the reason. */
export function RuleChoices({ rules, roleId, own, chosen, readOnly, onChange }: RuleChoicesProps) {
  const areas = new Map<string, AccessRule[]>();
  for (const rule of rules) {
    const area = rule.id.split(".")[0] ?? "";
    areas.set(area, [...(areas.get(area) ?? []), rule]);
  }
  return (
    <div className="flex flex-col gap-6">
      {[...areas].map(([area, inArea]) => (
        <fieldset key={area}>
          <legend className="mb-2 text-sm font-semibold">{area}</legend>
          <div className="grid gap-x-6 gap-y-3 sm:grid-cols-2">
            {inArea.map((rule) => {
              const barrier = barrierOf(rule, roleId, own, chosen.has(rule.id));
              return (
                <Checkbox
                  key={rule.id}
                  label={rule.description === "" ? rule.id : rule.description}
                  hint={barrier === undefined ? rule.id : `${rule.id} · ${barrier}`}
                  checked={roleId === ADMIN || chosen.has(rule.id)}
                  disabled={readOnly || roleId === ADMIN || barrier !== undefined}
                  onChange={(wanted) => {
                    const next = new Set(chosen);
                    if (wanted) next.add(rule.id);
                    else next.delete(rule.id);
                    onChange(next);
                  }}
                />
              );
            })}
          </div>
        </fieldset>
      ))}
    </div>
  );
}

/** Why the server would refuse to give a rule. Taking one away is always allowed. */
function barrierOf(rule: AccessRule, roleId: string | undefined, own: readonly string[], given: boolean): string | undefined {
  if (given || roleId === ADMIN) return undefined;
  if (roleId === ANONYMOUS && !rule.anonymousUsable) return t("roles.notForVisitors");
  return holds(own, rule.id) ? undefined : t("roles.notHeld");
}
