/**
 * Builds dist/ with tsc, from nothing, and leaves a stamp in it that says from which sources.
 * `node scripts/build.mjs` always builds; prepare.mjs builds when the stamp does not fit the sources.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BIN = join(ROOT, "dist", "cli", "main.js");
const STAMP = join(ROOT, "dist", ".built-from");
const CONFIGS = ["tsconfig.json", "tsconfig.build.json", "package-lock.json"];

/** A hash of everything that the build reads. Contents and not times: git gives files the time of the checkout. */
export function fingerprintOfSources() {
  const hash = createHash("sha256");
  const sources = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !/\.test(-d)?\.ts$/.test(path))
    .map((path) => join("src", path));
  for (const path of [...CONFIGS, ...sources.sort()]) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(ROOT, path)))
      .update("\0");
  }
  return hash.digest("hex");
}

/** Whether dist/ was built from the sources as they are now. */
export function isBuilt() {
  try {
    return readFileSync(STAMP, "utf8") === fingerprintOfSources();
  } catch {
    return false;
  }
}

/** Builds dist/; gives tsc's exit code. A failed build leaves no stamp, so that the next one tries again. */
export function build() {
  const fingerprint = fingerprintOfSources();
  rmSync(join(ROOT, "dist"), { recursive: true, force: true });
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const { status } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], {
    cwd: ROOT,
    stdio: "inherit",
  });
  if (status === 0) {
    // npm makes a bin executable when it installs a package; `npx baton` in this folder uses the file as it is.
    if (existsSync(BIN)) chmodSync(BIN, 0o755);
    writeFileSync(STAMP, fingerprint);
  }
  return status ?? 1;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = build();
}
