-- System: master keys and processes
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after audit_entries.sql.

-- Ids of the master keys that wrap the data keys of this database. A process with another key is refused, since nobody
-- else could read what it encrypts.
CREATE TABLE master_keys (
  key_id   bytea PRIMARY KEY CHECK (length(key_id) = 8),
  noted_at timestamptz NOT NULL DEFAULT now()
);

-- One run of one process. The process writes a heartbeat every few seconds.
CREATE TABLE processes (
  process_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name         text NOT NULL,
  host         text NOT NULL,
  pid          integer NOT NULL,
  started_at   timestamptz NOT NULL DEFAULT now(),
  beat_at      timestamptz NOT NULL DEFAULT now(),
  -- no heartbeat was missed since; a process that was cut off cannot judge others
  steady_since timestamptz NOT NULL DEFAULT now(),
  ended_at     timestamptz,  -- it ended as asked; NULL: it runs, or it died
  disk         smallint CHECK (disk BETWEEN 0 AND 100),  -- percent in use of the fullest watched disk
  memory       smallint CHECK (memory BETWEEN 0 AND 100),  -- percent in use
  trouble      jsonb CHECK (trouble ? 'code')
) WITH (fillfactor = 50);
CREATE INDEX processes_started ON processes (name, host, started_at);

-- Returns the keys of this database that the process lacks. When it has all of them, its own key is added: that is how
-- a master key is changed. Two processes that start with different keys take turns, and the second one is refused.
CREATE FUNCTION meet_master_keys(mine bytea, others bytea[])
  RETURNS SETOF bytea LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM master_keys WHERE key_id = mine) THEN
    PERFORM pg_advisory_xact_lock(hashtext('master keys'));
    INSERT INTO master_keys (key_id) SELECT mine
     WHERE NOT EXISTS (SELECT FROM master_keys WHERE key_id <> ALL (array_append(others, mine)))
    ON CONFLICT DO NOTHING;
  END IF;
  RETURN QUERY SELECT key_id FROM master_keys WHERE key_id <> ALL (array_append(others, mine)) ORDER BY noted_at;
END $$;

-- Refuses a data key that is wrapped by an unknown master key.
CREATE FUNCTION guard_data_key() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM master_keys WHERE key_id = substring(NEW.data_key FROM 2 FOR 8))
     AND EXISTS (SELECT FROM master_keys) THEN
    RAISE EXCEPTION 'sealed under a master key that is not of these books' USING ERRCODE = 'OM150';
  END IF;
  RETURN NEW;
END $$;

-- Rights

GRANT SELECT ON master_keys, processes TO oms_app;
GRANT DELETE ON processes TO oms_app;
GRANT INSERT (disk, host, memory, name, pid, trouble) ON processes TO oms_app;
GRANT UPDATE (beat_at, disk, ended_at, memory, steady_since, trouble) ON processes TO oms_app;
REVOKE EXECUTE ON FUNCTION guard_data_key(), meet_master_keys(bytea, bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION meet_master_keys(bytea, bytea[]) TO oms_app;
