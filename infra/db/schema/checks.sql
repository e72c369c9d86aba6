-- Consistency checks
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after idempotency.sql.

-- One row for each check of `oms ledger check`: when it ran last and what it found.
CREATE TABLE book_checks (
  question    text PRIMARY KEY,
  begun_at    timestamptz NOT NULL DEFAULT '-infinity'::timestamp with time zone,
  answered_at timestamptz,
  wrong       bigint NOT NULL DEFAULT 0 CHECK (wrong >= 0),
  unanswered  integer NOT NULL DEFAULT 0 CHECK (unanswered >= 0)  -- runs in a row without an answer
);

-- Rights

GRANT SELECT ON book_checks TO oms_app;
GRANT INSERT (question) ON book_checks TO oms_app;
GRANT UPDATE (answered_at, begun_at, unanswered, wrong) ON book_checks TO oms_app;
