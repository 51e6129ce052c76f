// Holds a dashboard's JSON against the types that Grafana publishes as @grafana/schema: the JSON becomes a TypeScript program, in
// which the dashboard, each panel's options and its fields' own options must be of Grafana's types, without members that they lack.
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const RAW = "@grafana/schema/dist/esm/raw/composable";
const KINDS = { timeseries: "TimeSeries", stat: "Stat" };
const FIXED = { timeseries: "timeseries.FieldConfig", stat: "Record<string, never>" };

const dashboard = JSON.parse(readFileSync(process.argv[2], "utf8"));
// What the data source asks of an annotation is its own: Prometheus takes `expr` and `titleFormat`.
const annotations = dashboard.annotations.list.map(({ expr, titleFormat, ...rest }) => rest);
const lines = [
  'import type { Dashboard, Panel } from "@grafana/schema";',
  ...Object.entries(KINDS).map(([kind, name]) => `import type * as ${kind} from "${RAW}/${kind}/panelcfg/x/${name}PanelCfg_types.gen";`),
  // JSON has texts and numbers where the types have enums; options that have a default may be left out.
  "type Plain<T> = T extends string ? `${T}` : T extends number | boolean | null | undefined ? T :",
  "  T extends readonly (infer E)[] ? Plain<E>[] : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;",
  `export const all: Plain<Dashboard> = ${JSON.stringify({ ...dashboard, annotations: { list: annotations } })};`,
];
for (const panel of dashboard.panels) {
  if (panel.type === "row") continue;
  if (!KINDS[panel.type]) throw new Error(`panel "${panel.title}": no type is known of the kind ${panel.type}`);
  lines.push(
    `// ${panel.title}`,
    `export const panel${panel.id}: Plain<Omit<Panel, "options">> = ${JSON.stringify({ ...panel, options: undefined })};`,
    `export const options${panel.id}: Plain<Partial<${panel.type}.Options>> = ${JSON.stringify(panel.options)};`,
    `export const custom${panel.id}: Plain<${FIXED[panel.type]}> = ${JSON.stringify(panel.fieldConfig.defaults.custom ?? {})};`,
  );
}

const here = path.dirname(fileURLToPath(import.meta.url));
const name = path.join(here, "dashboard.ts"); // of memory alone
const options = { strict: true, noEmit: true, skipLibCheck: true, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: [] };
const host = ts.createCompilerHost(options);
const { getSourceFile, fileExists } = host;
host.fileExists = (file) => file === name || fileExists(file);
host.getSourceFile = (file, ...more) => file === name ? ts.createSourceFile(file, lines.join("\n"), ts.ScriptTarget.ESNext) : getSourceFile(file, ...more);
const program = ts.createProgram([name], options, host);
const found = ts.getPreEmitDiagnostics(program);
for (const each of found) {
  const at = each.file ? each.file.getLineAndCharacterOfPosition(each.start) : { line: 0, character: 0 };
  const text = each.file ? each.file.text.slice(each.start, each.start + 80) : "";
  console.error(`${lines[at.line]?.slice(0, 40)}… ${text}: ${ts.flattenDiagnosticMessageText(each.messageText, "\n")}`);
}
console.log(`${dashboard.panels.length} panels, ${found.length} faults`);
process.exit(found.length ? 1 : 0);
