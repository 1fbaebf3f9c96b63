import { useQuery } from "@tanstack/react-query";
import { t } from "@/lib/i18n/later";
import { Checkbox } from "@/ui/Checkbox";
import { Loaded } from "@/ui/Loaded";
import { Skeleton } from "@/ui/Skeleton";
import { ADMIN, ANONYMOUS, useRoles, type Role } from "../people";
import { accessQuery, holds } from "../queries";

interface RoleChoicesProps {
  chosen: readonly string[];
  onChange: (roles: string[]) => void;
}

/** The roles that may be given to somebody. One that allows more than its reader may is shown, and left as it is. */
export function RoleChoices({ chosen, onChange }: RoleChoicesProps) {
  const roles = useRoles();
  const own = useQuery(accessQuery).data?.accessRules ?? [];
  return (
    <Loaded query={roles} loading={<Skeleton rows={3} className="h-10" />}>
      {(all) => (
        <fieldset className="flex max-h-[50dvh] flex-col gap-3 overflow-y-auto">
          <legend className="sr-only">{t("roles.title")}</legend>
          {all
            .filter((role) => role.id !== ANONYMOUS && (role.isAssignable || chosen.includes(role.id)))
            .map((role) => {
              const beyond = !withinReach(role, own);
              return (
                <Checkbox
                  key={role.id}
                  label={role.name}
                  hint={beyond ? t("roles.beyond") : (role.description === "" ? undefined : role.description)}
                  checked={chosen.includes(role.id)}
                  disabled={beyond}
                  onChange={(wanted) => onChange(wanted ? [...chosen, role.id] : chosen.filter((id) => id !== role.id))}
                />
              );
            })}
        </fieldset>
      )}
    </Loaded>
  );
}

/** Nobody hands on what they do not hold. */
function withinReach(role: Role, own: readonly string[]): boolean {
  return own.includes("*") || (role.id !== ADMIN && role.accessRules.every((rule) => holds(own, rule)));
}
