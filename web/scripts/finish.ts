/**
 * Ends a build: prints the size of every part, fails when the first page is over its budget, and writes a .br and a .gz beside each
 * file, so that the program compresses nothing while it serves.
 */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** What the first page may weigh, as a browser without Brotli fetches it. */
const FIRST_PAGE_BUDGET = 150_000;

const FIRST_PAGE = "src/areas/catalog/pages/SystemsPage.tsx";
const ALWAYS = ["index.html", "theme.js", "favicon.svg"];

interface Chunk {
  file: string;
  css?: string[];
  imports?: string[];
}

const dist = new URL("../dist/", import.meta.url).pathname;
const manifestFile = join(dist, ".vite/manifest.json");
const manifest = JSON.parse(readFileSync(manifestFile, "utf8")) as Record<string, Chunk>;

/** The files a chunk needs before it runs. */
function filesOf(name: string, seen = new Set<string>()): string[] {
  const chunk = manifest[name];
  if (!chunk) throw new Error(`no part ${name} in the build: scripts/finish.ts names a file that moved`);
  if (seen.has(name)) return [];
  seen.add(name);
  return [chunk.file, ...(chunk.css ?? []), ...(chunk.imports ?? []).flatMap((each) => filesOf(each, seen))];
}

const firstPage = new Set([...ALWAYS, ...filesOf("index.html"), ...filesOf(FIRST_PAGE)]);
rmSync(join(dist, ".vite"), { recursive: true });

const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !/\.(br|gz)$/.test(entry.name))
  .map((entry) => relative(dist, join(entry.parentPath, entry.name)))
  .sort();

const total = { raw: 0, gz: 0, br: 0 };
const first = { raw: 0, gz: 0, br: 0 };
const line = (name: string, size: typeof total) => console.log(`${name.padEnd(46)}${[size.raw, size.gz, size.br].map((bytes) => String(bytes).padStart(10)).join("")}`);

console.log(`${"bytes".padEnd(46)}${["raw", "gzip", "brotli"].map((text) => text.padStart(10)).join("")}`);
for (const file of files) {
  const path = join(dist, file);
  const content = readFileSync(path);
  const gz = gzipSync(content, { level: 9 });
  const br = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: statSync(path).size } });
  writeFileSync(`${path}.gz`, gz);
  writeFileSync(`${path}.br`, br);
  const size = { raw: content.length, gz: gz.length, br: br.length };
  for (const sum of firstPage.has(file) ? [total, first] : [total]) {
    sum.raw += size.raw;
    sum.gz += size.gz;
    sum.br += size.br;
  }
  line(`${firstPage.has(file) ? "* " : "  "}${file}`, size);
}
line("  all", total);
line("* the first page", first);
if (first.gz > FIRST_PAGE_BUDGET) {
  console.error(`the first page is ${String(first.gz)} bytes, over its budget of ${String(FIRST_PAGE_BUDGET)}`);
  process.exit(1);
}
