-- Consistency checks
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after idempotency.sql.

-- One row for each check of `oms ledger check`: when it ran last and what it found.
CREATE TABLE consistency_checks (
  code        text PRIMARY KEY,
  begun_at    timestamptz NOT NULL DEFAULT '-infinity'::timestamp with time zone,
  answered_at timestamptz,
  violations  bigint NOT NULL DEFAULT 0 CHECK (violations >= 0),
  timeouts    integer NOT NULL DEFAULT 0 CHECK (timeouts >= 0)  -- runs in a row without an answer
);

-- Rights

GRANT SELECT ON consistency_checks TO oms_app;
GRANT INSERT (code) ON consistency_checks TO oms_app;
GRANT UPDATE (answered_at, begun_at, timeouts, violations) ON consistency_checks TO oms_app;
