/**
 * Completes package-lock.json after `npm install <package>`: npm leaves out the optional packages of other
 * platforms that a registry mirror doesn't carry, and `npm ci` then refuses the whole lock file.
 * Their entries need a version and a platform only; npm installs none of them here.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PATH = fileURLToPath(new URL("../package-lock.json", import.meta.url));
const OS = /(?<![a-z])(android|darwin|freebsd|linux|openharmony|win32)(?![a-z0-9])/;
const CPU = /(?<![a-z])(arm64|arm|ia32|ppc64|riscv64|s390x|x64)(?![a-z0-9])/;
const LIBC = /(musl|gnu)/;

const lock = JSON.parse(readFileSync(PATH, "utf8"));
const before = JSON.stringify(lock);
for (const owner of Object.values(lock.packages)) {
  for (const [name, range] of Object.entries(owner.optionalDependencies ?? {})) {
    const path = `node_modules/${name}`;
    if (lock.packages[path]?.version !== undefined) continue;
    const [os, cpu, libc] = [OS, CPU, LIBC].map((pattern) => pattern.exec(name)?.[1]);
    lock.packages[path] = {
      version: range.replace(/^[~^]/, ""),
      ...(cpu === undefined ? {} : { cpu: [cpu] }),
      ...(owner.dev === true ? { dev: true } : {}),
      ...(libc === undefined || os !== "linux" ? {} : { libc: [libc === "gnu" ? "glibc" : libc] }),
      optional: true,
      ...(os === undefined ? {} : { os: [os] }),
    };
  }
}
for (const entry of Object.values(lock.packages)) delete entry.resolved;
if (JSON.stringify(lock) !== before) {
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en"));
  lock.packages = Object.fromEntries(sorted);
  writeFileSync(PATH, `${JSON.stringify(lock, null, 2)}\n`);
}
