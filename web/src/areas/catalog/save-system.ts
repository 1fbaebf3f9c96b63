import type { Configuration } from "@/areas/healthcheck/queries";
import type { client } from "@/lib/client";
import { checkOf, thresholdsOf, type SystemValues } from "./system-values";

type Api = typeof client;

/**
 * How far saving has come. Adding a system takes four calls; when one fails the form stays, its values may be changed, and the next
 * try changes what is already there instead of making it twice.
 */
export interface Progress {
  systemId?: string;
  configuration?: Configuration;
  /** Whether the check runs on this system; saving leaves it as it is. */
  enabled?: boolean;
  /** The check's thresholds are of a kind the form does not show, and stay as they are. */
  keepThresholds?: boolean;
}

/** Answers the id of the system. The system comes first: one without a check is seen and can be mended, a check without a system cannot. */
export async function saveSystem(api: Api, progress: Progress, values: SystemValues, groupOf: (systemId: string) => string): Promise<string> {
  const name = values.name.trim();
  const description = values.description.trim();

  const system =
    progress.systemId === undefined
      ? await api.catalog.createSystem({ name, ...(description === "" ? {} : { description }) })
      : await api.catalog.updateSystem({ id: progress.systemId, data: { name, description: description === "" ? null : description } });
  progress.systemId = system.id;

  const check = checkOf(values, progress.configuration);
  progress.configuration = progress.configuration
    ? await api.healthcheck.updateConfiguration({ id: progress.configuration.id, body: check })
    : await api.healthcheck.createConfiguration(check);

  await api.healthcheck.associateSystem({
    systemId: system.id,
    body: { configurationId: progress.configuration.id, enabled: progress.enabled ?? true, ...(progress.keepThresholds ? {} : { stateThresholds: thresholdsOf(values) }) },
  });

  if (values.tellMe) await api.notification.subscribe({ groupId: groupOf(system.id) });
  return system.id;
}
