// node build.mjs ENTRY OUTPUT: bundles the chart library, as far as ENTRY needs it, into one script
// that defines `Plotly`, and adds the licence of every package whose code is in it.
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const [entry, script] = process.argv.slice(2);

const packageFolder = (file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];

const licenceOf = (folder) => {
  const about = JSON.parse(readFileSync(folder + "/package.json", "utf8"));
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  const author = about.author?.name ?? about.author ?? "";
  const text = file ? readFileSync(folder + "/" + file, "utf8").trim() : [about.license, author].join(" ");
  return { name: about.name + " " + about.version, text: text.replaceAll("*/", "* /") };
};

const result = await build({
  entryPoints: [entry],
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "Plotly",
  define: { global: "window" },
  loader: { ".css": "empty" }, // of maps, which are not in the bundle
  legalComments: "eof",
  metafile: true,
  write: false,
});

const [output] = Object.values(result.metafile.outputs);
const used = Object.entries(output.inputs).filter(
  ([file, input]) => input.bytesInOutput > 0 && !file.endsWith(".css"),
);
const folders = new Set(used.map(([file]) => packageFolder(file)).filter((folder) => folder && existsSync(folder)));
const names = new Map();
for (const folder of folders) {
  const { name, text } = licenceOf(folder);
  names.set(text, [...(names.get(text) ?? []), name]);
}
const licences = [...names].map(([text, owners]) => `/*! ${owners.join(", ")}\n\n${text}\n*/\n`);
// A browser ends a script at the first "</script", even inside a text.
const code = (licences.join("") + result.outputFiles[0].text).replaceAll("</script", "<\\/script");
writeFileSync(script, code);
