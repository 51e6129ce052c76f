// Turns src/ into one minified ES module, in the folder named by the first argument.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

export async function buildInto(folder) {
  mkdirSync(folder, { recursive: true });
  await build({
    absWorkingDir: here,
    entryPoints: ["src/sluice.js"],
    outfile: join(folder, "sluice.js"),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    banner: { js: "/* Sluice browser SDK; made from sdk/browser/src by `make sdk` */" },
    logLevel: "warning",
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildInto(join(process.cwd(), process.argv[2] ?? "dist"));
}
