/** Tables in a folder of a local disk. */
import { link, mkdir, open, readdir, readFile, rename, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type DeltaStorage, storageError } from "./storage.ts";
import { freshName } from "./table-ids.ts";

/**
 * A folder, which is made when something is written into it. Put-if-absent is `link(2)`, which fails where the name is taken: the
 * bytes are written under another name first, and are on the disk before they get theirs.
 */
export function deltaFolder(folder: string): DeltaStorage {
  const top = resolve(folder);
  const write = folderWriter(top);
  return {
    label: top,
    async read(path) {
      try {
        return await readFile(join(top, path));
      } catch (error) {
        if (codeOf(error) === "ENOENT") return undefined;
        throw storageError(error, `Could not read ${path} in ${top}`);
      }
    },
    async list(path, after) {
      try {
        const found = await readdir(join(top, path), { withFileTypes: true });
        return found
          .filter((each) => each.isFile() && !each.name.startsWith("."))
          .map(({ name }) => name)
          .filter((name) => after === undefined || name > after)
          .sort();
      } catch (error) {
        if (codeOf(error) === "ENOENT") return [];
        throw storageError(error, `Could not list ${path} in ${top}`);
      }
    },
    create: (path, bytes) =>
      write(path, bytes, async (from, to) => {
        try {
          await link(from, to);
          return "created";
        } catch (error) {
          if (codeOf(error) === "EEXIST") return "exists";
          throw error;
        }
      }),
    replace: (path, bytes) => write(path, bytes, rename),
    async remove(path) {
      try {
        await removeIfThere(join(top, path));
      } catch (error) {
        throw storageError(error, `Could not remove ${path} in ${top}`);
      }
    },
  };
}

type Write = <X>(
  path: string,
  bytes: Uint8Array,
  place: (from: string, to: string) => Promise<X>,
) => Promise<X>;

function folderWriter(top: string): Write {
  const made = new Set<string>();

  async function makeFolder(path: string): Promise<void> {
    if (made.has(path)) return;
    const first = await mkdir(path, { recursive: true });
    // Each new folder is a name in the one above it, which must be on the disk too.
    if (first !== undefined)
      for (let at = path; at.length >= first.length; at = dirname(at))
        await syncFolder(dirname(at));
    made.add(path);
  }

  /** Writes beside the place where the file will be, gives it its name by `place`, and takes the first name away. */
  return async (path, bytes, place) => {
    const to = join(top, path);
    const from = join(dirname(to), `.${freshName()}.tmp`);
    try {
      await makeFolder(dirname(to));
      try {
        await writeDown(from, bytes);
        const placed = await place(from, to);
        await syncFolder(dirname(to));
        return placed;
      } finally {
        await removeIfThere(from);
      }
    } catch (error) {
      throw storageError(error, `Could not write ${path} in ${top}`);
    }
  };
}

async function writeDown(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } catch (error) {
    // Some systems know no sync of a folder; there its names are on the disk with the files.
    if (!["EPERM", "EISDIR", "EINVAL"].includes(codeOf(error))) throw error;
  } finally {
    await folder.close();
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
