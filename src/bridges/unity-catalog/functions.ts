/** Functions of the catalogue: each holds a document that says what it is. None is ever changed or removed. */
import type { RegistryPlace } from "../../model/registered-name.ts";
import { unavailable, type UnityClient } from "./client.ts";
import { documentText, parseDocument, type RegistryDocument } from "./documents.ts";
import { textOf, type UnityObject } from "./fields.ts";
import { fullName, type FunctionName } from "./function-names.ts";
import { cut, type FunctionParameter } from "./parameters.ts";
import type { UnityType } from "./parameter-types.ts";

export interface FoundFunction {
  /** The last of its three levels. */
  readonly name: string;
  readonly owner: string | undefined;
  /** Undefined for the function of somebody else. */
  readonly document: RegistryDocument | undefined;
}

export interface NewFunction {
  readonly document: RegistryDocument;
  readonly comment: string;
  readonly parameters?: readonly FunctionParameter[];
  readonly returns?: UnityType;
}

/** The column of the open-source server holds 65,535; nobody reads so much. */
const COMMENT_CHARS_MAX = 4_000;

/** Databricks knows no other language than Python for functions that it does not run as SQL; nothing is ever run of ours. */
const LANGUAGES = { "open-source": "JSON", databricks: "PYTHON" } as const;

export function functionPath(of: FunctionName): string {
  return `/functions/${encodeURIComponent(fullName(of))}`;
}

/** @throws BatonError REGISTRY_UNAVAILABLE */
export async function findFunction(
  client: UnityClient,
  of: FunctionName,
): Promise<FoundFunction | undefined> {
  const answer = await client.get(functionPath(of));
  return answer.kind === "done" ? found(answer.body) : undefined;
}

/** All functions of a schema, in the order of their names. @throws BatonError REGISTRY_UNAVAILABLE */
export async function* listFunctions(
  client: UnityClient,
  { catalog, schema }: RegistryPlace,
): AsyncGenerator<FoundFunction> {
  const query = { catalog_name: catalog, schema_name: schema };
  for await (const each of client.pages("/functions", query, "functions")) yield found(each);
}

/** @throws BatonError REGISTRY_UNAVAILABLE, also where the catalogue has no such schema */
export async function createFunction(
  client: UnityClient,
  of: FunctionName,
  { document, comment, parameters = [], returns }: NewFunction,
): Promise<"created" | "exists"> {
  const answer = await client.send("POST", "/functions", {
    function_info: {
      name: of.name,
      catalog_name: of.catalog,
      schema_name: of.schema,
      comment: cut(comment, COMMENT_CHARS_MAX),
      input_params: { parameters },
      data_type: returns?.name ?? "STRING",
      full_data_type: returns?.text ?? "string",
      routine_body: "EXTERNAL",
      external_language: LANGUAGES[client.connection.dialect],
      routine_definition: documentText(document),
      parameter_style: "S",
      is_deterministic: false,
      sql_data_access: "NO_SQL",
      is_null_call: false,
      security_type: "DEFINER",
      specific_name: of.name,
    },
  });
  if (answer.kind === "missing")
    throw unavailable(client.connection, `can't create ${fullName(of)}: ${answer.message}`, {
      status: 404,
      code: answer.code,
    });
  return answer.kind === "exists" ? "exists" : "created";
}

function found(body: UnityObject): FoundFunction {
  return {
    name: textOf(body, "name") ?? "",
    owner: textOf(body, "owner"),
    document: parseDocument(textOf(body, "routine_definition")),
  };
}
