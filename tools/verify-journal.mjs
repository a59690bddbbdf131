#!/usr/bin/env node
/**
 * Verifies an exported journal offline, written from docs/journal.md alone; needs nothing but Node.
 * Usage: node verify-journal.mjs <file>, or - for standard input. Exit codes: 0 everything verifies;
 * 1 problems were found; 2 the file can't be read, or is in no form that is known here.
 */
import { createHash } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { pathToFileURL } from "node:url";

const REVERSIBLE = ["run.completed", "run.failed", "run.cancelled"];
const FINAL = ["run.refused", "run.compensated", ...REVERSIBLE];
const RESULTS = ["step.sealed", "step.carried", "item.sealed", "compensation.sealed"];
const VERSIONS = ["run.started", "step.sealed", "step.carried"];
const BACK = /^(compensation\..*|run\.(resumed|blocked|parked|compensated|restored|cancelling))$/;
const KINDS = `${FINAL} ${RESULTS} ${VERSIONS} run.resumed run.blocked run.parked run.overdue run.cancelling run.restored
  run.compensating compensation.failed compensation.held compensation.resolved step.skipped
  step.opened step.failed item.failed attempt.failed attempt.held handoff.refused once.recorded
  attempt.begun attempt.unknown attempt.probed step.parked step.resolved signal.received reminder.due event.published event.received event.refused
  subscription.opened subscription.moved subscription.paused subscription.resumed subscription.rewound projection.moved workflow.registered topic.registered registry.published registry.aliased registry.granted registry.revoked registry.owned breaker.opened breaker.halfOpened breaker.closed
  budget.reserved budget.settled budget.raised thread.valued thread.checkpointed thread.written thread.deleted memory.put memory.removed`;
const sha256 = (text) => createHash("sha256").update(text, "utf8").digest("hex");
const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const has = (value, keys) => isObject(value) && Object.keys(value).sort().join(" ") === keys;

/** The canonical text of a parsed value (RFC 8785). */
function canonical(value) {
  if (typeof value === "string" && !value.isWellFormed()) throw new Error("a lone surrogate");
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const field = (key) => `${canonical(key)}:${canonical(value[key])}`;
  return `{${Object.keys(value).sort().map(field).join(",")}}`;
}

/** Parses a text that must be canonical JSON; undefined if it is not. */
function parseCanonical(text) {
  try {
    const value = JSON.parse(text);
    return canonical(value) === text ? value : undefined;
  } catch {}
}

/** Checks, entry by entry, what holds in a run's stream. */
function runRules(needs) {
  const rules = { final: undefined, versions: 0, take };
  const [results, keys] = [new Set(), new Map()]; // path:turn; seq -> key, or topic of an event
  function take({ seq, kind, path = "input", turn = 0, reads = {}, payload }) {
    const isFirst = kind === "run.started" || kind === "run.refused";
    needs(isFirst === (seq === 0), `entry ${seq} of kind ${kind} can't stand there`);
    if (kind === "run.compensating" && REVERSIBLE.includes(rules.final)) rules.final = undefined;
    needs(rules.final === undefined, `entry ${seq} comes after the end of the run`);
    needs(!rules.isBack || BACK.test(kind), `entry ${seq} is none of the way back`);
    needs(rules.isBack || kind !== "run.restored", `entry ${seq}: the run had not gone back`);
    rules.isBack = kind === "run.compensating" || (rules.isBack && kind !== "run.restored");
    if (FINAL.includes(kind)) rules.final = kind;
    const result = `${kind === "compensation.sealed"} ${path}:${turn}`;
    if (RESULTS.includes(kind)) {
      needs(!results.has(result), `entry ${seq} is a second result of ${path}, turn ${turn}`);
      results.add(result);
    }
    for (const [key, from] of Object.entries(reads))
      needs(keys.get(from) === key, `entry ${seq} read ${key} at ${from}: not there`);
    if (/^event.(published|received)$/.test(kind)) keys.set(seq, payload.topic);
    if (VERSIONS.includes(kind)) rules.versions = keys.set(seq, path) && rules.versions + 1;
  }
  return rules;
}

/** Verifies the text of an exported file; throws where it is in no form that is known here. */
export function verifyText(text) {
  const lines = text.split("\n");
  const header = parseCanonical(lines[0]);
  const isJournal = has(header, "format namespace stream v") && header.format === "baton-journal";
  if (!isJournal) throw new Error("it is not an exported journal");
  if (header.v !== 1) throw new Error(`export format ${header.v} needs a newer verifier`);
  // Bytes by sha256, and the blobs that the next entry must refer to.
  const [problems, blobs, unused] = [[], new Map(), new Set()];
  let [at, entries, lastAt, head, end] = [1, 0, 0, "0".repeat(64), undefined];
  const needs = (holds, message) => holds || (problems.push(`line ${at}: ${message}`), false);
  const run = runRules(needs);

  function takeBlob(name, blob) {
    needs(!blobs.has(name), `blob ${name} stands here a second time`);
    needs(sha256(blob) === name, `blob ${name} was changed: its text has another hash`);
    needs(parseCanonical(blob) !== undefined, `blob ${name} is not canonical JSON`);
    blobs.set(name, Buffer.byteLength(blob));
    unused.add(name);
  }

  function takeEntry(hash, stored, seq) {
    const digest = sha256(`baton/entry/v1\n${header.namespace}\n${header.stream}\n${stored}`);
    needs(digest === hash, `entry ${seq} was changed: its text has another hash`);
    const entry = parseCanonical(stored);
    if (!needs(isObject(entry), `entry ${seq} is not an object in canonical JSON`)) return;
    needs(entry.prev === head, `entry ${seq} does not follow the one before it`);
    head = hash;
    if (!needs(entry.v === 1, `entry ${seq} has a format that needs a newer verifier`)) return;
    const isKnown = KINDS.split(/[\s,]+/).includes(entry.kind);
    if (!needs(isKnown, `entry ${seq} is of a kind that needs a newer verifier`)) return;
    needs(entry.seq === seq, `entry ${entry.seq} stands where entry ${seq} belongs`);
    const isHere = entry.namespace === header.namespace && entry.stream === header.stream;
    needs(isHere, `entry ${seq} belongs to another stream`);
    needs(isCount(entry.at) && entry.at >= lastAt, `entry ${seq} has a time before the last one`);
    lastAt = entry.at;
    const isWhole = isObject(entry.payload) && isObject(entry.by) && isObject(entry.reads ?? {});
    if (!needs(isWhole, `entry ${seq} lacks its payload or author, or has odd reads`)) return;
    for (const [field, value] of Object.entries(entry.payload))
      if (field.endsWith("Blob")) takeReference(value ?? {}, seq);
    needs(unused.size === 0, `entry ${seq} does not refer to the blob before it`);
    unused.clear();
    if (header.stream.startsWith("run/")) run.take(entry);
  }

  function takeReference({ sha256: name, bytes }, seq) {
    needs(blobs.has(name), `blob ${name} of entry ${seq} is missing`);
    needs(blobs.get(name) === bytes, `blob ${name} has not the length that entry ${seq} says`);
    unused.delete(name);
  }

  needs(lines.pop() === "", "the last line has no line feed: the file was cut off");
  for (at = 2; at <= lines.length; at += 1) {
    const line = parseCanonical(lines[at - 1]);
    const isText = typeof line?.text === "string";
    if (!needs(end === undefined, "there is a line after the end")) break;
    if (has(line, "hash text") && isText) takeEntry(line.hash, line.text, entries++);
    else if (has(line, "sha256 text") && isText) takeBlob(line.sha256, line.text);
    else if (has(line, "blobs entries head")) end = line;
    else needs(false, "this is not a line of an exported journal in canonical JSON");
  }
  const isCounted = end?.entries === entries && end.blobs === blobs.size && end.head === head;
  needs(isCounted, "there is no end line, or it counts otherwise: the file was cut");
  needs(entries > 0 && unused.size === 0, "there is no entry, or a blob that none refers to");
  const found = { versions: run.versions, blobs: blobs.size, head, final: run.final };
  return { ...header, entries, ...found, problems };
}

function main(file) {
  try {
    const found = verifyText(readFileSync(file === "-" ? 0 : file, "utf8"));
    const { namespace, stream, entries, versions, blobs, head, final, problems } = found;
    const counts = `${entries} entries, ${versions} versions, ${blobs} blobs`;
    console.log(`${namespace} ${stream}: ${counts}, ${final ?? "not ended"}\nlast hash ${head}`);
    for (const problem of problems.slice(0, 100)) console.error(problem);
    console.log(problems.length === 0 ? "verified" : `NOT verified: ${problems.length} problem(s)`);
    process.exitCode = problems.length === 0 ? 0 : 1;
  } catch (error) {
    console.error(`can't verify ${file ?? "nothing: name an exported file"}: ${error.message}`);
    process.exitCode = 2;
  }
}

const [, script, file] = process.argv;
if (script && import.meta.url === pathToFileURL(realpathSync(script)).href) main(file);
