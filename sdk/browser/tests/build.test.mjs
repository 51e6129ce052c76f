// What is committed in dist is what src builds, small enough, and its types name every option.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { buildInto } from "../build.mjs";
import { DEFAULTS } from "../src/options.js";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));

test("dist is what `make sdk` makes, byte for byte", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-sdk-"));
  try {
    await buildInto(folder);
    assert.ok(readFileSync(join(folder, "sluice.js")).equals(readFileSync(join(dist, "sluice.js"))), "run make sdk");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("dist is at most 12 KB gzipped", () => {
  const size = gzipSync(readFileSync(join(dist, "sluice.js")), { level: 9 }).length;
  assert.ok(size <= 12_000, `${size} bytes`);
});

test("the types name every option with its default", () => {
  const types = readFileSync(new URL("../types/sluice.d.ts", import.meta.url), "utf8");
  for (const name of Object.keys(DEFAULTS)) {
    assert.match(types, new RegExp(`\\b${name}\\?: `), name);
  }
});

test("the readme lists every option with its default", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  for (const [name, value] of Object.entries(DEFAULTS)) {
    const row = readme.split("\n").find((line) => line.startsWith(`| \`${name}\``));
    assert.ok(row !== undefined, `no row for ${name}`);
    if (value !== null && typeof value !== "object") {
      assert.ok(row.includes(`\`${JSON.stringify(value)}\``), `${row} should say ${JSON.stringify(value)}`);
    }
  }
});

test("the lock file names no registry", () => {
  const lock = readFileSync(new URL("../package-lock.json", import.meta.url), "utf8");
  assert.doesNotMatch(lock, /"resolved"/);
});
