-- Idempotency keys of HTTP requests
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after catalogue.sql.

-- One request by its Idempotency-Key, with the stored answer. A repeat gets the same answer.
CREATE TABLE idempotency_keys (
  subject      text NOT NULL,
  key          text NOT NULL,
  request_hash bytea NOT NULL,
  state        text NOT NULL CHECK (state IN ('running', 'done')),
  status_code  integer,
  response     jsonb,
  resource     text,  -- what the first run made, so that a repeat after a crash finds it
  locked_until timestamptz NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  response_enc bytea,  -- encrypted under the data key of the order's customer
  order_no     text,  -- whose customer's key decrypts the answer
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (subject, key),
  CONSTRAINT idempotency_keys_check CHECK (state <> 'done' OR status_code IS NOT NULL AND (response_enc IS NOT NULL
      OR response IS NOT NULL))
);
CREATE INDEX idempotency_keys_open ON idempotency_keys (created_at) WHERE response IS NOT NULL;

-- Refuses an answer that is encrypted under an unknown master key, where the answer belongs to no order.
CREATE FUNCTION guard_answer_key() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM master_keys WHERE key_id = substring(NEW.response_enc FROM 2 FOR 8))
     AND EXISTS (SELECT FROM master_keys) THEN
    RAISE EXCEPTION 'sealed under a master key that this database does not know' USING ERRCODE = 'OM150';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER answer_key_known BEFORE UPDATE OF response_enc ON idempotency_keys
  FOR EACH ROW WHEN (NEW.response_enc IS NOT NULL AND NEW.order_no IS NULL) EXECUTE FUNCTION guard_answer_key();

-- Rights

GRANT SELECT ON idempotency_keys TO oms_app;
GRANT DELETE ON idempotency_keys TO oms_app;
GRANT INSERT (key, locked_until, request_hash, resource, response_enc, state, status_code, subject) ON idempotency_keys
  TO oms_app;
GRANT UPDATE (locked_until, order_no, response, response_enc, state, status_code) ON idempotency_keys TO oms_app;
REVOKE EXECUTE ON FUNCTION guard_answer_key() FROM PUBLIC;
