import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const web = join(import.meta.dirname, "../");
const contractFile = `${web}src/lib/generated/contract.ts`;

/** What the compiler says of the app, as the build asks it, when the program described itself by `contract`. */
function complaintsOver(contract: string): { file: string; text: string }[] {
  const config = ts.getParsedCommandLineOfConfigFile(`${web}tsconfig.json`, {}, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (problem) => expect.fail(ts.flattenDiagnosticMessageText(problem.messageText, "\n")) });
  if (!config) throw new Error("no tsconfig.json");
  const host = ts.createCompilerHost(config.options);
  const read = host.readFile.bind(host);
  host.readFile = (file) => (file === contractFile ? contract : read(file));
  const program = ts.createProgram(config.fileNames, config.options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => ({ file: file?.fileName.replace(web, "") ?? "", text: ts.flattenDiagnosticMessageText(messageText, "\n") }));
}

describe("a changed contract", () => {
  it("breaks the build of the pages, at the places that use what changed", { timeout: 120_000 }, () => {
    const before = readFileSync(contractFile, "utf8");
    const changed = (from: string, to: string) => (text: string) => {
      expect(text).toContain(from);
      return text.replace(from, to);
    };
    const after = [
      changed("getSystems: Procedure<void, { systems:", "getSystems: Procedure<void, { things:"), // a member of an answer has another name
      changed("subscribe: Procedure<{ groupId: string;", "subscribe: Procedure<{ groupId: string; reason: string;"), // an input wants one more
      changed("markAsRead: Procedure<", "markRead: Procedure<"), // a procedure is gone
    ].reduce((text, change) => change(text), before);

    const complaints = complaintsOver(after);
    expect(complaints).toContainEqual({ file: "src/areas/catalog/queries.ts", text: expect.stringContaining("'systems'") as string });
    expect(complaints).toContainEqual({ file: "src/areas/notification/queries.ts", text: expect.stringContaining("'reason'") as string });
    expect(complaints).toContainEqual({ file: "src/areas/notification/queries.ts", text: expect.stringContaining("'markAsRead'") as string });
  });

  it("is met by the compiler before anything is built", () => {
    const { scripts } = JSON.parse(readFileSync(`${web}package.json`, "utf8")) as { scripts: Record<string, string> };
    expect(scripts["build"]).toMatch(/^tsc -p tsconfig\.json && vite build/);
  });
});
