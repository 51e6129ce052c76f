// What npm would publish: its types resolve wherever TypeScript looks for them, and fit what pages write.
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";

const here = fileURLToPath(new URL("..", import.meta.url));
const run = promisify(execFile);

let folder;
let tarball;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-package-"));
  const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", folder], { cwd: here, encoding: "utf8" });
  tarball = join(folder, JSON.parse(packed)[0].filename);
  mkdirSync(join(folder, "node_modules"));
  execFileSync("tar", ["-xzf", tarball, "-C", join(folder, "node_modules")]);
  execFileSync("mv", [join(folder, "node_modules/package"), join(folder, "node_modules/sluice-browser")]);
  cpSync(join(here, "tests/types"), folder, { recursive: true });
});

after(() => rmSync(folder, { recursive: true }));

/** Resolves; or rejects with what the program said. */
async function says(...command) {
  try {
    await run(process.execPath, command, { cwd: folder });
  } catch (error) {
    assert.fail(`${error.stdout}${error.stderr}`);
  }
}

const libraries = new Map(); // TypeScript's own files, read once: they are most of its work

/** What TypeScript complains of in a file of tests/types. */
function complaints(file, module, moduleResolution) {
  const options = ts.convertCompilerOptionsFromJson(
    { module, moduleResolution, target: "es2022", lib: ["es2022", "dom"], types: [], strict: true, noEmit: true, skipDefaultLibCheck: true },
    folder,
  ).options;
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile;
  host.getSourceFile = (name, ...more) => {
    if (!name.includes("/typescript/lib/")) {
      return read(name, ...more);
    }
    libraries.has(name) || libraries.set(name, read(name, ...more));
    return libraries.get(name);
  };
  const program = ts.createProgram([join(folder, file)], options, host);
  return ts.getPreEmitDiagnostics(program).map((one) => ts.flattenDiagnosticMessageText(one.messageText, "\n"));
}

test("the types resolve and fit under every way that TypeScript resolves modules", () => {
  const ways = [
    ["use.mts", "esnext", "bundler"],
    ["use.mts", "node16", "node16"],
    ["use.cts", "node16", "node16"],
    ["use.mts", "nodenext", "nodenext"],
    ["use.cts", "nodenext", "nodenext"],
  ];
  for (const way of ways) {
    assert.deepEqual(complaints(...way), [], way.join(" "));
  }
});

test("@arethetypeswrong/cli finds nothing", () => says(join(here, "node_modules/@arethetypeswrong/cli/dist/index.js"), tarball, "--no-emoji", "--no-color"));

test("publint finds nothing, not even suggestions", async () => {
  const { publint } = await import("publint");
  const { messages } = await publint({ pkgDir: join(folder, "node_modules/sluice-browser"), level: "suggestion", strict: true });
  assert.deepEqual(messages, []);
});

test("both forms hold the class; the types of CommonJS are those of the ES module", async () => {
  const require = createRequire(join(folder, "use.cjs"));
  assert.equal(typeof require("sluice-browser").Sluice, "function");
  const { Sluice } = await import(join(folder, "node_modules/sluice-browser/dist/sluice.js"));
  assert.equal(typeof Sluice, "function");
  const types = ["sluice.d.ts", "sluice.d.cts"].map((name) => readFileSync(join(here, "types", name), "utf8"));
  assert.equal(types[0], types[1]);
});
