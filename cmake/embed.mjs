// Turns a folder of built files into one assembler source holding their bytes and one C++ source holding their table.
//   node embed.mjs DIST OUT.S OUT.cpp
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

const [dist, assembler, table] = process.argv.slice(2);
const types = {
  html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml", png: "image/png",
  ico: "image/x-icon", json: "application/json", webmanifest: "application/manifest+json", woff2: "font/woff2", txt: "text/plain; charset=utf-8",
};
const walk = (folder) => readdirSync(folder, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? walk(join(folder, e.name)) : [join(folder, e.name)]));
const files = walk(dist).filter((f) => !/\.(br|gz|map)$/.test(f)).map((f) => ({ file: f, path: "/" + relative(dist, f).replaceAll("\\", "/") }));
files.sort((a, b) => (a.path < b.path ? -1 : 1));

let s = "// Generated: the bytes of the web app.\n.section .rodata\n";
let cpp = '// Generated: the table of the web app\'s files.\n#include <array>\n\n#include "app/assets.hpp"\n\nextern "C" {\n';
const rows = [];
let n = 0;
const embed = (file) => {
  let size;
  try { size = readFileSync(file).length; } catch { return "std::string_view()"; }
  const symbol = `watchbell_asset_${n++}`;
  s += `.global ${symbol}\n.balign 16\n${symbol}:\n.incbin "${file}"\n`;
  cpp += `extern const char ${symbol}[];\n`;
  return `std::string_view(${symbol}, ${size})`;
};
for (const { file, path } of files) {
  const type = types[path.split(".").pop()] ?? "application/octet-stream";
  const etag = createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 32);
  rows.push(`    {${JSON.stringify(path)}, ${JSON.stringify(type)}, "\\"${etag}\\"", ${embed(file)}, ${embed(file + ".br")}, ${embed(file + ".gz")}},\n`);
}
s += '.section .note.GNU-stack,"",@progbits\n';
cpp += `}\n\nnamespace watchbell::app {\n\nstd::span<const Asset> assets() {\n  static const std::array<Asset, ${rows.length}> all{{\n${rows.join("")}  }};\n  return all;\n}\n\n}  // namespace watchbell::app\n`;
writeFileSync(assembler, s);
writeFileSync(table, cpp);
