/** Reading what came as JSON, of which nothing is known. */
import type { JsonObject } from "../../model/json.ts";

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
