/**
 * A real Unity Catalog: the open-source server, installed from Maven Central, started on free ports with
 * authorization on, ended after.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createPrivateKey, sign } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ends } from "../ending.ts";
import { install, installedIn } from "./installing.ts";
import { freePort, until } from "./mlflow.ts";

const JARS = join(installedIn("unity-catalog"), "jars", "*");
/** What was tested. */
const VERSION = "0.6.0";
const START_MS = 120_000;

/** Jars of a server that is there already, such as `/opt/unitycatalog/jars/*`: nothing is installed then. */
const GIVEN = process.env["UNITY_CATALOG_CLASSPATH"];

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>baton.interop</groupId><artifactId>unity-catalog</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>io.unitycatalog</groupId><artifactId>unitycatalog-server</artifactId><version>${VERSION}</version>
  </dependency></dependencies>
</project>
`;
const WRITE_POM = `require("node:fs").writeFileSync("pom.xml", ${JSON.stringify(POM)})`;
const COPY =
  "mvn --batch-mode --quiet dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=jars > mvn.log 2>&1";
// Of all that Maven says, the first line has the reason.
const COPIED = `${COPY} || { grep -m 1 ERROR mvn.log 1>&2; exit 1; }`;

/** Gives why it can't be installed, or started. */
export function installUnityCatalog(): string | undefined {
  if (GIVEN !== undefined) return undefined;
  return install(
    "unity-catalog",
    [`io.unitycatalog:unitycatalog-server:${VERSION}`],
    [
      ["java", "-version"],
      [process.execPath, "--eval", WRITE_POM],
      ["sh", "-c", COPIED],
    ],
  );
}

const FILES: Readonly<Record<string, string>> = {
  // Its own tokens are exchanged for nothing here; the server asks for both where authorization is on.
  "server.properties":
    "server.env=test\nserver.authorization=enable\nserver.allowed-issuers=internal\nserver.audiences=baton\n",
  "hibernate.properties":
    "hibernate.connection.driver_class=org.h2.Driver\nhibernate.connection.url=jdbc:h2:file:./etc/db/h2db;DB_CLOSE_DELAY=-1\nhibernate.hbm2ddl.auto=update\nhibernate.archive.autodetection=class\n",
  "server.log4j2.properties":
    "status=warn\nappender.file.type=File\nappender.file.name=File\nappender.file.fileName=etc/server.log\nappender.file.layout.type=PatternLayout\nappender.file.layout.pattern=%d %-5level %logger{36} - %msg%n\nrootLogger.level=warn\nrootLogger.appenderRef.file.ref=File\n",
};

export interface RealUnityCatalog {
  readonly url: string;
  readonly dialect: "open-source";
  /** A token for somebody; `admin` owns the metastore. */
  readonly tokenOf: (principal: string) => string;
  readonly stop: () => Promise<void>;
}

/** @param ends are given its end before it answers. */
export async function startUnityCatalog(ends: Ends = []): Promise<RealUnityCatalog> {
  const port = await freePorts();
  const folder = mkdtempSync(join(tmpdir(), "baton-unity-catalog-"));
  const conf = join(folder, "etc/conf");
  for (const each of [conf, join(folder, "etc/db")]) mkdirSync(each, { recursive: true });
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(conf, name), text);
  const classpath = GIVEN ?? JARS;
  const main = "io.unitycatalog.server.UnityCatalogServer";
  const child = spawn("java", ["-Xmx512m", "-cp", classpath, main, "--port", String(port)], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = `${said}${chunk}`.slice(-2_000)));
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    await ended(child);
    rmSync(folder, { recursive: true, force: true });
  };
  ends.push(stop);
  try {
    await until(START_MS, async (signal) => {
      if (child.exitCode !== null) throw new Error("it has ended");
      return (await fetch(url, { signal })).ok;
    });
  } catch (error) {
    await stop();
    throw new Error(`The server did not start: ${said}`, { cause: error });
  }
  return { url, dialect: "open-source", tokenOf: tokens(conf), stop };
}

/** Tokens as the server itself makes them, with its own key. */
function tokens(conf: string): RealUnityCatalog["tokenOf"] {
  const kid = readFileSync(join(conf, "key_id.txt"), "utf8").trim();
  const der = readFileSync(join(conf, "private_key.der"));
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  let count = 0;
  return (sub) => {
    count += 1;
    const header = { alg: "RS512", typ: "JWT", kid };
    const claims = { iss: "internal", sub, type: "ACCESS", jti: `baton-${count}` };
    const signed = `${part(header)}.${part(claims)}`;
    return `${signed}.${sign("RSA-SHA512", Buffer.from(signed), key).toString("base64url")}`;
  };
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

/** The first of two: the server takes the next one for itself. */
async function freePorts(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (await isFree(port + 1)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
