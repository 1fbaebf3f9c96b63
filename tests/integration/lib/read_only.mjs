import { chmodSync } from "node:fs";

/**
 * A command before the program's that makes `folder` one nobody can write to. Root may write wherever modes forbid it, so for root the
 * folder becomes a read-only mount in a mount namespace of the command's own.
 */
export function readOnly(context, folder) {
  if (process.getuid() === 0) {
    return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"', folder];
  }
  chmodSync(folder, 0o500);
  context.after(async () => chmodSync(folder, 0o700));
  return [];
}
