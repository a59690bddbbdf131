/**
 * Verifying entries one by one, in the order of arrival: what each says of itself, and that it follows the one before.
 *
 * Keeps, for each stream, where it is (five bytes), and the last hash of each that may still go on.
 */
import { FINAL_KINDS, REVERSIBLE_KINDS, ROLLBACK_KINDS } from "../model/entry-kinds.ts";
import { ENTRY_FORMAT, type EntryKind } from "../model/entry.ts";
import type { Json } from "../model/json.ts";
import type { ArrivedEntry, StreamName } from "../ports/journal-store.ts";
import { canonicalJson } from "./canonical.ts";
import { hashEntry, NO_HASH } from "./hash.ts";
import { type LabelledPlace, labelOf } from "./verify-labels.ts";
import type { Findings, VerifyProblem } from "./verify-problem.ts";

/** A reference to a blob, and the entry that makes it. */
export interface BlobReference {
  readonly stream: string;
  readonly seq: number;
  readonly sha256: string;
  readonly bytes: number;
}

/** A place in a stream that was passed over. */
export interface Gap extends StreamName {
  readonly seq: number;
}

/** An entry that follows an end whose hash was not kept: what it says of that hash is to be looked up. */
export interface Link extends StreamName {
  readonly seq: number;
  readonly prev: unknown;
}

export interface EntryChecker {
  check(entry: ArrivedEntry): void;
  /** Entries that were checked. */
  count(): number;
  /** The last seq that came in the stream with this number; -1 if none did. */
  lastSeq(no: number): number;
  /** The kind of the entry that ended the run in the stream with this number, if one did. */
  ending(no: number): EntryKind | undefined;
  /** The last position that was checked, in the order of arrival. */
  lastPosition(): number;
  /** References, gaps, links and events since the last call: they need a look into the store. */
  open(): {
    readonly references: readonly BlobReference[];
    readonly gaps: readonly Gap[];
    readonly links: readonly Link[];
    readonly events: readonly LabelledPlace[];
  };
}

export interface Selection {
  readonly namespace?: string;
  readonly stream?: string;
  readonly progress?: (entries: number) => void;
}

/** Fields of an entry that are looked at; anything may stand in them. */
interface Claims {
  readonly v?: unknown;
  readonly namespace?: unknown;
  readonly stream?: unknown;
  readonly seq?: unknown;
  readonly prev?: unknown;
  readonly kind?: unknown;
  readonly payload?: unknown;
}

const PROGRESS_EVERY = 10_000;
/** Of a longer gap, the first so many places are named. */
const GAP_NAMED_MAX = 100;
const ENDINGS: readonly EntryKind[] = [...FINAL_KINDS];
/** Stands where an ending would, of a run that goes back. */
const WENT_BACK = -1;

/** Whether a verification looks closely into a stream. */
export function isSelected(selection: Selection, { namespace, stream }: StreamName): boolean {
  if (selection.namespace !== undefined && selection.namespace !== namespace) return false;
  return selection.stream === undefined || selection.stream === stream;
}

/** A checker that has seen nothing yet. */
export function entryChecker(selection: Selection, found: Findings): EntryChecker {
  const lastSeqs = numberList();
  const endings = numberList();
  const lastHashes = new Map<number, string>();
  let references: BlobReference[] = [];
  let gaps: Gap[] = [];
  let links: Link[] = [];
  let events: LabelledPlace[] = [];
  let lastPosition = Number.MIN_SAFE_INTEGER;
  let count = 0;

  function check(entry: ArrivedEntry): void {
    const { no, seq, namespace, stream } = entry;
    // Kept one higher, so that a fresh list says -1.
    const expected = lastSeqs.at(no);
    if (seq >= expected) lastSeqs.put(no, seq + 1);
    lastPosition = Math.max(lastPosition, entry.position);
    if (!isSelected(selection, entry)) return;
    count += 1;
    if (count % PROGRESS_EVERY === 0) selection.progress?.(count);
    const claims = checkContent(entry, found);
    const report = reporter(entry, found);
    if (seq < expected) report("reordered", "came after a later one of its stream");
    for (let i = expected; i < Math.min(seq, expected + GAP_NAMED_MAX); i += 1)
      gaps.push({ namespace, stream, seq: i });
    const takesBack = isTakenBack(endings.at(no), claims);
    if (takesBack) links.push({ namespace, stream, seq, prev: claims?.prev });
    else if (endings.at(no) > 0) report("added", "comes after the entry that ended the run");
    else if (endings.at(no) === WENT_BACK && !isOnWayBack(claims))
      report("added", "does not belong to the way back of its run");
    else if (endings.at(no) === 0 && claims?.kind === "run.restored")
      report("added", "says that a run went on which had not gone back");
    if (claims === undefined) {
      lastHashes.set(no, entry.hash);
      return;
    }
    const before = seq === 0 ? NO_HASH : lastHashes.get(no);
    if (seq === expected && before !== undefined && claims.prev !== before) {
      report(
        "changed",
        "does not follow the entry before it: what it says of that one's hash is not so",
      );
    }
    if (seq >= expected) lastHashes.set(no, entry.hash);
    const ending = ENDINGS.findIndex((kind) => kind === claims.kind);
    if (ending >= 0) {
      endings.put(no, ending + 1);
      lastHashes.delete(no);
    }
    if (claims.kind === "run.compensating") endings.put(no, WENT_BACK);
    if (claims.kind === "run.restored") endings.put(no, 0);
    collectReferences(claims.payload, stream, seq, references);
    const label = labelOf(claims.kind, claims.payload);
    if (label !== undefined)
      events.push({ namespace, label, position: entry.position, stream, seq });
  }

  return {
    check,
    count: () => count,
    lastSeq: (no) => lastSeqs.at(no) - 1,
    ending: (no) => ENDINGS[endings.at(no) - 1],
    lastPosition: () => lastPosition,
    open() {
      const opened = { references, gaps, links, events };
      references = [];
      gaps = [];
      links = [];
      events = [];
      return opened;
    },
  };
}

/** Whether an entry takes back the end of its run, which only a run that had begun can do. */
function isTakenBack(ending: number, claims: Claims | undefined): boolean {
  const kind = ENDINGS[ending - 1];
  return claims?.kind === "run.compensating" && kind !== undefined && REVERSIBLE_KINDS.has(kind);
}

function isOnWayBack(claims: Claims | undefined): boolean {
  const allowed: ReadonlySet<unknown> = ROLLBACK_KINDS;
  return claims === undefined || allowed.has(claims.kind);
}

/** Checks what an entry says of itself; gives its fields, or undefined if it has none. */
function checkContent(entry: ArrivedEntry, found: Findings): Claims | undefined {
  const { no, namespace, stream, seq, text, hash } = entry;
  const report = reporter(entry, found);
  if (stream === "") {
    found.add({
      seq,
      kind: "missing",
      message: `Entry ${seq} is of stream number ${no}, whose row is gone.`,
    });
  } else if (hashEntry(namespace, stream, text) !== hash) {
    report(
      "changed",
      "is not what its hash says: its text or its hash was changed, or it was moved",
    );
  }
  const value = parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    report("format", "is no JSON object");
    return undefined;
  }
  if (!isCanonical(value, text)) report("format", "is not written as canonical JSON");
  // Outside data: every field is of unknown type.
  const claims = value as Claims;
  if (claims.v !== ENTRY_FORMAT)
    report("format", `has format ${String(claims.v)}; this Baton knows ${ENTRY_FORMAT}`);
  const placed =
    claims.seq === seq &&
    (stream === "" || (claims.stream === stream && claims.namespace === namespace));
  if (!placed)
    report("reordered", `says that it is entry ${String(claims.seq)} of ${String(claims.stream)}`);
  return claims;
}

type Report = (kind: VerifyProblem["kind"], what: string) => void;

function reporter({ no, stream, seq }: ArrivedEntry, found: Findings): Report {
  return (kind, what) => {
    const name = stream === "" ? `stream number ${no}` : stream;
    const message = `Entry ${seq} of ${name} ${what}.`;
    found.add(stream === "" ? { seq, kind, message } : { stream, seq, kind, message });
  };
}

function parse(text: string): Json | undefined {
  try {
    // JSON.parse gives nothing but JSON.
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function isCanonical(value: Json, text: string): boolean {
  try {
    return canonicalJson(value) === text;
  } catch {
    return false;
  }
}

function collectReferences(
  payload: unknown,
  stream: string,
  seq: number,
  references: BlobReference[],
): void {
  if (typeof payload !== "object" || payload === null) return;
  for (const [field, value] of Object.entries(payload)) {
    if (!field.endsWith("Blob") || typeof value !== "object" || value === null) continue;
    const { sha256, bytes } = value as { readonly sha256?: unknown; readonly bytes?: unknown };
    references.push({ stream, seq, sha256: String(sha256), bytes: Number(bytes) });
  }
}

/** A list of small numbers by stream number, 0 where nothing was put. Numbers far off, which only damage makes, are kept apart. */
function numberList(): { at(no: number): number; put(no: number, value: number): void } {
  let dense = new Int32Array(1_024);
  const far = new Map<number, number>();
  const fits = (no: number) => no >= 0 && no < dense.length * 2;
  return {
    at: (no) => (far.size > 0 ? far.get(no) : undefined) ?? dense[no] ?? 0,
    put(no, value) {
      if (!fits(no) || far.has(no)) {
        far.set(no, value);
        return;
      }
      if (no >= dense.length) {
        const wider = new Int32Array(dense.length * 2);
        wider.set(dense);
        dense = wider;
      }
      dense[no] = value;
    },
  };
}
