/** Spark with its own Delta: from PyPI, and its jars from Maven Central. Needs Java 17. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { install, installedIn } from "../../examples/reference-stack/servers/installing.ts";

const SPARK = installedIn("spark");
const PYTHON = join(SPARK, "venv/bin/python");
const PACKAGES = ["delta-spark==4.4.0", "pyspark==4.2.0"];

/** `spark` is the session, `argv` begins with 1; what is printed is for people. */
const SESSION = `
import sys, json
from delta import configure_spark_with_delta_pip
from pyspark.sql import SparkSession
argv = sys.argv
builder = SparkSession.builder.master("local[1]").appName("interop")
for key, value in {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.jars.ivy": ${JSON.stringify(join(SPARK, "ivy"))},
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.shuffle.partitions": "1",
}.items():
    builder = builder.config(key, value)
spark = configure_spark_with_delta_pip(builder).getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
`;
const ANSWER = "answer: ";

/** Gives why it can't be installed. The first session brings the jars. */
export function installSpark(): string | undefined {
  return install("spark", PACKAGES, [
    ["python3", "-m", "venv", "venv"],
    [join(SPARK, "venv/bin/pip"), "install", "--quiet", ...PACKAGES],
    [PYTHON, "-c", `${SESSION}\nspark.stop()`],
  ]);
}

/** What a program gives by `answer(value)`. */
export function askSpark(program: string, ...argv: readonly string[]): unknown {
  const answer = `def answer(value):\n    print("\\n${ANSWER}" + json.dumps(value))\n`;
  const { status, stdout, stderr } = spawnSync(
    PYTHON,
    ["-c", `${SESSION}${answer}${program}\nspark.stop()`, ...argv],
    { cwd: SPARK, encoding: "utf8", maxBuffer: 256 * 1024 * 1024 },
  );
  const line = stdout.split("\n").find((each) => each.startsWith(ANSWER));
  if (status !== 0 || line === undefined) throw new Error(`Spark: ${stderr.slice(-4_000)}`);
  return JSON.parse(line.slice(ANSWER.length));
}
