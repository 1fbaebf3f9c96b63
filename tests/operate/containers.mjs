// No engine can run the container files here: what can be said of them without one.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { runProgram } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";

const read = (path) => readFileSync(new URL(`../../packaging/container/${path}`, import.meta.url), "utf8");

test("the_compose_file_reads_and_names_what_there_is", async (context) => {
  const { services, volumes } = parse(read("compose.yaml"));
  assert.deepEqual(Object.keys(services).sort(), ["postgres", "redis", "watchbell"]);
  for (const [name, service] of Object.entries(services)) {
    assert.ok(service.image !== undefined || service.build !== undefined, name);
    for (const volume of service.volumes ?? []) assert.ok(volume.split(":")[0] in volumes, `${name}: ${volume}`);
    for (const other of Object.keys(service.depends_on ?? {})) assert.ok(services[other].healthcheck !== undefined, `${name} waits for ${other}`);
  }
  // Its settings are ones that the program knows.
  const { stdout } = await runProgram(context.options.program, ["config", "reference"]);
  for (const name of Object.keys(services.watchbell.environment)) assert.ok(stdout.includes(`| \`${name}\` |`), name);
});

test("the_container_file_copies_installs_and_starts_what_there_is", async () => {
  const lines = read("Containerfile").replaceAll(/\\\n/g, " ").split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  assert.match(lines[0], /^FROM /);
  for (const line of lines) assert.match(line, /^(FROM|WORKDIR|COPY|RUN|USER|VOLUME|EXPOSE|ENV|ENTRYPOINT|CMD) /);
  assert.equal(JSON.parse(/^ENTRYPOINT (.*)$/m.exec(lines.join("\n"))[1])[0], "/usr/bin/watchbell");
});
