import { Correlation } from "./Correlation";
import { errorText } from "./error-text";

/** Says what a form's call failed with; what was typed stays. */
export function ErrorNote({ error }: { error: unknown }) {
  return (
    <div role="alert" className="rounded-lg bg-unhealthy-soft px-4 py-3 text-sm text-unhealthy">
      {errorText(error)} <Correlation error={error} />
    </div>
  );
}
