-- An answer that belongs to no order is sealed under the master key itself. Under one that the database does not know it
-- could not be read again: a repeat of the request would be told that its answer was erased. Orders are placed by INSERT,
-- and their customer's data key is looked at (0043).
CREATE FUNCTION guard_answer_key() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM master_keys WHERE key_id = substring(NEW.response_enc FROM 2 FOR 8))
     AND EXISTS (SELECT FROM master_keys) THEN
    RAISE EXCEPTION 'sealed under a master key that this database does not know' USING ERRCODE = 'OM150';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION guard_answer_key() FROM PUBLIC;
CREATE TRIGGER answer_key_known BEFORE UPDATE OF response_enc ON idempotency_keys FOR EACH ROW
  WHEN (NEW.response_enc IS NOT NULL AND NEW.order_no IS NULL) EXECUTE FUNCTION guard_answer_key();
