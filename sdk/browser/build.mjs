// Turns src/ into one minified module, as an ES module and as CommonJS, in the folder named by the first argument.
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

export async function buildInto(folder) {
  mkdirSync(folder, { recursive: true });
  for (const [format, name] of [
    ["esm", "sluice.js"],
    ["cjs", "sluice.cjs"],
  ]) {
    await build({
      absWorkingDir: here,
      entryPoints: ["src/sluice.js"],
      outfile: join(folder, name),
      bundle: true,
      minify: true,
      format,
      target: "es2022",
      charset: "utf8",
      banner: { js: "/* Sluice browser SDK; made from sdk/browser/src by `make sdk` */" },
      logLevel: "warning",
    });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildInto(join(process.cwd(), process.argv[2] ?? "dist"));
  copyFileSync(join(here, "types/sluice.d.ts"), join(here, "types/sluice.d.cts")); // the same for CommonJS
}
