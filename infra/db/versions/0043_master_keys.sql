-- The master keys that seal these books, by the id that each wrapped data key names (bytes 2 to 9 of it). A process with
-- another one is refused, and no data key that it made is kept: nobody else could read what is sealed under it.
CREATE TABLE master_keys (
  key_id    bytea PRIMARY KEY CHECK (length(key_id) = 8),
  noted_at  timestamptz NOT NULL DEFAULT now()
);
INSERT INTO master_keys (key_id)
  SELECT DISTINCT substring(data_key FROM 2 FOR 8)
    FROM (SELECT data_key FROM customers UNION ALL SELECT data_key FROM staff WHERE active
          UNION ALL SELECT data_key FROM notice_channels UNION ALL SELECT data_key FROM webhook_endpoints) AS kept
   WHERE length(data_key) = 69;

-- The keys of the books that this process does not have. While it has all of them its own is noted: that is how a key
-- is changed. Two that begin at once with different keys take turns, and the second one is refused.
CREATE FUNCTION meet_master_keys(mine bytea, others bytea[]) RETURNS SETOF bytea LANGUAGE plpgsql
  SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM master_keys WHERE key_id = mine) THEN
    PERFORM pg_advisory_xact_lock(hashtext('master keys'));
    INSERT INTO master_keys (key_id) SELECT mine
     WHERE NOT EXISTS (SELECT FROM master_keys WHERE key_id <> ALL (array_append(others, mine)))
    ON CONFLICT DO NOTHING;
  END IF;
  RETURN QUERY SELECT key_id FROM master_keys WHERE key_id <> ALL (array_append(others, mine)) ORDER BY noted_at;
END $$;

CREATE FUNCTION guard_data_key() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM master_keys WHERE key_id = substring(NEW.data_key FROM 2 FOR 8))
     AND EXISTS (SELECT FROM master_keys) THEN
    RAISE EXCEPTION 'sealed under a master key that is not of these books' USING ERRCODE = 'OM150';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON customers FOR EACH ROW
  WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();
CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON staff FOR EACH ROW
  WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();
CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON notice_channels FOR EACH ROW
  WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();
CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON webhook_endpoints FOR EACH ROW
  WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();
CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON approvals FOR EACH ROW
  WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();
CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON support_jobs FOR EACH ROW
  WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();
CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON workflow_acts FOR EACH ROW
  WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();

GRANT SELECT ON master_keys TO oms_app;
REVOKE EXECUTE ON FUNCTION guard_data_key() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION meet_master_keys(bytea, bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION meet_master_keys(bytea, bytea[]) TO oms_app;
