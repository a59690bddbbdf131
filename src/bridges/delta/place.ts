/** A place for tables as it is written on a command line: a folder, or `s3://bucket/prefix`. */
import { BatonError } from "../../model/errors.ts";
import { deltaFolder } from "./local-storage.ts";
import { deltaBucket } from "./s3-storage.ts";
import type { DeltaStorage } from "./storage.ts";

/** @throws BatonError `ARGUMENT_INVALID` */
export function deltaPlace(place: string, endpoint?: string): DeltaStorage {
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(place)) {
    if (endpoint === undefined && place !== "") return deltaFolder(place);
    throw new BatonError(
      "ARGUMENT_INVALID",
      `"${place}" is no bucket, and an endpoint is of one.`,
      {
        hint: "Write s3://bucket/prefix, or leave the endpoint out.",
      },
    );
  }
  const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]+)\/?(.*?)\/*$/.exec(place) ?? [];
  if (bucket === "")
    throw new BatonError("ARGUMENT_INVALID", `"${place}" is no place for tables.`, {
      hint: "Name a folder, or s3://bucket/prefix.",
    });
  return deltaBucket({
    bucket,
    ...(prefix === "" ? {} : { prefix }),
    ...(endpoint === undefined ? {} : { endpoint }),
  });
}
