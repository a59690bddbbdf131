/**
 * Format 2: entries can be found by a label as well, in the order of arrival, whatever stream they are in. A projection of the
 * entries' own text, which verify holds against them. Entries without a label cost nothing.
 */
export const labels0002 = `
UPDATE meta SET value = '2' WHERE key = 'format';

CREATE TABLE labels (
  no INTEGER PRIMARY KEY,
  namespace TEXT NOT NULL,
  label TEXT NOT NULL,
  UNIQUE (namespace, label)
) STRICT;

CREATE TABLE labelled (
  label_no INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (label_no, position)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER labels_are_not_updated BEFORE UPDATE ON labels
BEGIN SELECT RAISE(ABORT, 'labels are append-only'); END;
CREATE TRIGGER labels_are_not_deleted BEFORE DELETE ON labels
BEGIN SELECT RAISE(ABORT, 'labels are append-only'); END;
CREATE TRIGGER labels_are_not_replaced BEFORE INSERT ON labels
WHEN EXISTS (SELECT 1 FROM labels WHERE no = NEW.no)
  OR EXISTS (SELECT 1 FROM labels WHERE namespace = NEW.namespace AND label = NEW.label)
BEGIN SELECT RAISE(ABORT, 'labels are append-only'); END;
CREATE TRIGGER labelled_are_not_updated BEFORE UPDATE ON labelled
BEGIN SELECT RAISE(ABORT, 'labels are append-only'); END;
CREATE TRIGGER labelled_are_not_deleted BEFORE DELETE ON labelled
BEGIN SELECT RAISE(ABORT, 'labels are append-only'); END;
CREATE TRIGGER labelled_are_not_replaced BEFORE INSERT ON labelled
WHEN EXISTS (SELECT 1 FROM labelled WHERE label_no = NEW.label_no AND position = NEW.position)
BEGIN SELECT RAISE(ABORT, 'labels are append-only'); END;
`;
