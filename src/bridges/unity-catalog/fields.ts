/** Fields of answers, which are whatever a server sends. */

export type UnityObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is UnityObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function textOf(object: UnityObject, field: string): string | undefined {
  const value = object[field];
  return typeof value === "string" ? value : undefined;
}

export function objectsOf(object: UnityObject, field: string): readonly UnityObject[] {
  const value = object[field];
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function textsOf(object: UnityObject, field: string): readonly string[] {
  const value = object[field];
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}
