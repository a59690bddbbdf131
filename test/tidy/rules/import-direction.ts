/** Imports run one way between the rooms of src/; everything outside src/ uses the surface that users have. */
import { DEEP_IMPORTS } from "../exceptions.ts";
import { PACKAGES_OF_ONE_ROOM, ROOMS, type Room, SURFACES } from "../rooms.ts";
import { type Import, importsOf } from "../source.ts";
import { isTest, pathsIn, type Problem, type Tree } from "../tree.ts";

const OUTSIDE = /^(examples|bench|test|labs|docs)\/.*\.(ts|mjs)$/;

function roomOf(path: string): Room | undefined {
  return ROOMS.find((room) => room.files.test(path));
}

function problemWith(path: string, room: Room, one: Import): string | undefined {
  const { specifier } = one;
  if (specifier.startsWith("node:")) {
    if (room.node === "any" || room.node.includes(specifier)) return undefined;
    return `${room.name} may not import ${specifier}.`;
  }
  if (one.path === undefined) {
    const home = Object.entries(PACKAGES_OF_ONE_ROOM).find(
      ([name]) => specifier === name || specifier.startsWith(`${name}/`),
    );
    if (home === undefined || home[1].test(path)) return undefined;
    return `${specifier} belongs to another room (${home[1].source}).`;
  }
  const target = roomOf(one.path);
  if (target === undefined) return `${one.path} lies in no room: see test/tidy/rooms.ts.`;
  if (target === room || room.knows.includes(target.name)) return undefined;
  return `${room.name} may not import ${target.name} (${one.path}).`;
}

/** Rooms import downwards only. Unit tests beside the files may reach anywhere in src/. */
export function importDirection(tree: Tree): readonly Problem[] {
  return pathsIn(tree, /^src\/.*\.ts$/).flatMap((path) => {
    const room = roomOf(path);
    if (room === undefined) return [{ path, message: "lies in no room: see test/tidy/rooms.ts." }];
    if (isTest(path)) return [];
    return importsOf(path, tree.get(path) ?? "").flatMap((one) => {
      const message = problemWith(path, room, one);
      return message === undefined ? [] : [{ path, line: one.line, message }];
    });
  });
}

/** Examples, benches and tests see what users see, but for the exceptions that are listed with their reason. */
export function publicSurfaceOnly(
  tree: Tree,
  exceptions: Readonly<Record<string, string>> = DEEP_IMPORTS,
): readonly Problem[] {
  const surfaces: readonly string[] = SURFACES;
  return pathsIn(tree, OUTSIDE).flatMap((path) => {
    if (Object.keys(exceptions).some((prefix) => path.startsWith(prefix))) return [];
    return importsOf(path, tree.get(path) ?? "")
      .filter((one) => one.path?.startsWith("src/") && !surfaces.includes(one.path))
      .map((one) => ({
        path,
        line: one.line,
        message: `imports ${one.path}: use ${SURFACES.join(", ")}, or list it in test/tidy/exceptions.ts.`,
      }));
  });
}
