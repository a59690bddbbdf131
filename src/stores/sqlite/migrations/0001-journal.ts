/**
 * Format 1. Never edited after a release: a change is a new file.
 *
 * Entries lie in the order of arrival (a rowid table), with an index on stream and seq: half the cost of a table that is
 * ordered by stream, because the end of one tree is written instead of a page for each stream. There are no further indexes
 * on streams: a listing by status or type reads the table, which is small, and an index would be written twice per run.
 *
 * The triggers make the database itself refuse changes. INSERT OR REPLACE fires no DELETE trigger, hence those on INSERT.
 */
export const journal0001 = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('format', '1');

CREATE TABLE lease (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL,
  holder TEXT,
  heartbeat INTEGER NOT NULL,
  lock_file TEXT NOT NULL
) STRICT;
INSERT INTO lease VALUES (1, 0, NULL, 0, '');

CREATE TABLE streams (
  no INTEGER PRIMARY KEY,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  status TEXT NOT NULL,
  open INTEGER NOT NULL,
  type TEXT NOT NULL,
  wake_at INTEGER,
  UNIQUE (namespace, name)
) STRICT;
CREATE INDEX streams_open ON streams (no) WHERE open = 1;

CREATE TABLE entries (
  position INTEGER PRIMARY KEY,
  stream_no INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  text TEXT NOT NULL,
  hash BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX entries_of_stream ON entries (stream_no, seq);

CREATE TABLE commits (
  commit_no INTEGER PRIMARY KEY,
  text TEXT NOT NULL,
  hash BLOB NOT NULL,
  ranges BLOB NOT NULL
) STRICT;

CREATE TABLE blobs (sha256 BLOB PRIMARY KEY, text TEXT NOT NULL) STRICT;

CREATE TRIGGER entries_are_not_updated BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
CREATE TRIGGER entries_are_not_deleted BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
CREATE TRIGGER entries_are_not_replaced BEFORE INSERT ON entries
WHEN EXISTS (SELECT 1 FROM entries WHERE position = NEW.position)
  OR EXISTS (SELECT 1 FROM entries WHERE stream_no = NEW.stream_no AND seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;

CREATE TRIGGER commits_are_not_updated BEFORE UPDATE ON commits
BEGIN SELECT RAISE(ABORT, 'commits are append-only'); END;
CREATE TRIGGER commits_are_not_deleted BEFORE DELETE ON commits
BEGIN SELECT RAISE(ABORT, 'commits are append-only'); END;
CREATE TRIGGER commits_are_not_replaced BEFORE INSERT ON commits
WHEN EXISTS (SELECT 1 FROM commits WHERE commit_no = NEW.commit_no)
BEGIN SELECT RAISE(ABORT, 'commits are append-only'); END;

CREATE TRIGGER blobs_are_not_updated BEFORE UPDATE ON blobs
BEGIN SELECT RAISE(ABORT, 'blobs are append-only'); END;
CREATE TRIGGER blobs_are_not_deleted BEFORE DELETE ON blobs
BEGIN SELECT RAISE(ABORT, 'blobs are append-only'); END;
CREATE TRIGGER blobs_are_not_replaced BEFORE INSERT ON blobs
WHEN EXISTS (SELECT 1 FROM blobs WHERE sha256 = NEW.sha256)
BEGIN SELECT RAISE(ABORT, 'blobs are append-only'); END;

CREATE TRIGGER streams_keep_their_identity BEFORE UPDATE OF no, namespace, name ON streams
BEGIN SELECT RAISE(ABORT, 'streams keep their identity'); END;
CREATE TRIGGER streams_are_not_deleted BEFORE DELETE ON streams
BEGIN SELECT RAISE(ABORT, 'streams are not deleted'); END;
CREATE TRIGGER streams_are_not_replaced BEFORE INSERT ON streams
WHEN EXISTS (SELECT 1 FROM streams WHERE no = NEW.no)
  OR EXISTS (SELECT 1 FROM streams WHERE namespace = NEW.namespace AND name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'streams are not replaced'); END;
`;
