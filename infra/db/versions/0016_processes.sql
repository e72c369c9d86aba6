-- What runs where and whether it still does, and what the books answered when they were last checked.

CREATE TABLE processes (                      -- one life of one process; it says every few seconds that it lives
  process_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name          text NOT NULL,
  host          text NOT NULL,
  pid           integer NOT NULL,
  started_at    timestamptz NOT NULL DEFAULT now(),
  beat_at       timestamptz NOT NULL DEFAULT now(),
  steady_since  timestamptz NOT NULL DEFAULT now(),  -- since when no beat was missed: who was cut off cannot judge others
  ended_at      timestamptz,                         -- it ended as it was asked to; NULL: it runs, or it died
  disk          smallint CHECK (disk BETWEEN 0 AND 100),    -- percent in use of the fullest watched disk
  memory        smallint CHECK (memory BETWEEN 0 AND 100)   -- percent in use
) WITH (fillfactor = 50);                     -- beats change no index, and stay on their page
CREATE INDEX processes_started ON processes (name, host, started_at);

CREATE TABLE book_checks (                    -- one row per question of `oms ledger check`
  question     text PRIMARY KEY,
  begun_at     timestamptz NOT NULL DEFAULT '-infinity',
  answered_at  timestamptz,
  wrong        bigint NOT NULL DEFAULT 0 CHECK (wrong >= 0),
  unanswered   integer NOT NULL DEFAULT 0 CHECK (unanswered >= 0)   -- tries in a row without an answer
);

GRANT SELECT, INSERT ON processes, book_checks TO oms_app;
GRANT UPDATE (beat_at, steady_since, ended_at, disk, memory) ON processes TO oms_app;
GRANT DELETE ON processes TO oms_app;
GRANT UPDATE (begun_at, answered_at, wrong, unanswered) ON book_checks TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
