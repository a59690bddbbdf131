/**
 * Where the file lies: on a disk of this machine, in a folder that exists and may be written.
 */
import { constants } from "node:fs";
import { access, realpath, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { BatonError } from "../../model/errors.ts";

/** Linux's magic numbers (statfs(2)) of file systems whose locks cannot be trusted. */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xfe534d42, "SMB"],
  [0xff534d42, "CIFS"],
]);

/** The name of the network file system that a statfs type stands for, or undefined for a local one. */
export function networkFileSystem(type: number): string | undefined {
  // Some kernels give the type as a signed number.
  return NETWORK_FILE_SYSTEMS.get(type >>> 0);
}

/**
 * Refuses places where the store can't be kept.
 * @throws BatonError `STORE_UNSUITABLE` (network file system), `STORE_READ_ONLY` (no right to write), `STORE_FAILED` (no such folder or file), `STORE_CORRUPT` (a log without its file)
 */
export async function checkPlace(file: string, readOnly: boolean): Promise<void> {
  const folder = dirname(file);
  let type: number;
  try {
    if (!(await stat(folder)).isDirectory()) throw new Error(`${folder} is not a folder`);
    type = (await statfs(folder)).type;
  } catch (cause) {
    throw new BatonError(
      "STORE_FAILED",
      `The folder of ${file} does not exist, or may not be read.`,
      {
        hint: `Create the folder ${folder}, or name another file.`,
        details: { file },
        cause,
      },
    );
  }
  const network = process.platform === "linux" ? networkFileSystem(type) : undefined;
  if (network !== undefined) {
    throw new BatonError(
      "STORE_UNSUITABLE",
      `${file} lies on a network file system (${network}).`,
      {
        details: { file, fileSystem: network },
      },
    );
  }
  await refuseOrphanedLog(file);
  const there = await mayAccess(file, constants.F_OK);
  if (!there && readOnly) {
    throw new BatonError("STORE_FAILED", `There is no file ${file} to read.`, {
      hint: "Check the path; a store that is opened for reading only is not created.",
      details: { file },
    });
  }
  if (there && !(await mayAccess(file, constants.R_OK))) refuseRights(file, "read");
  if (readOnly) return;
  if (there && !(await mayAccess(file, constants.W_OK))) refuseRights(file, "write");
  // SQLite keeps its write-ahead log beside the file.
  if (!(await mayAccess(folder, constants.W_OK))) refuseRights(folder, "write");
}

/**
 * Where the file is gone or empty, SQLite removes the log beside it, and with it the commits that only the log has.
 * The log is looked at first: it is written to only after the file, so that a store that is just being made is not refused.
 */
async function refuseOrphanedLog(file: string): Promise<void> {
  const log = `${await realpath(file).catch(() => file)}-wal`;
  if ((await bytesOf(log)) === 0 || (await bytesOf(file)) > 0) return;
  throw new BatonError(
    "STORE_CORRUPT",
    `${file} is gone or empty, but its write-ahead log ${log} is there.`,
    {
      hint: `Bring the file back to its log, or, to begin a new store, move ${log} away.`,
      details: { file, log },
    },
  );
}

/** The size of a file in bytes, 0 if it is not there. */
async function bytesOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

async function mayAccess(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

function refuseRights(path: string, right: "read" | "write"): never {
  const code = right === "write" ? "STORE_READ_ONLY" : "STORE_FAILED";
  throw new BatonError(code, `This process may not ${right} ${path}.`, {
    hint: `Give it the right to ${right} ${path}${right === "write" ? ", or open the store with `readOnly: true`" : ""}.`,
    details: { path },
  });
}
