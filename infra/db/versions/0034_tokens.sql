-- Every bearer token that was handed out, without the token itself, so that it can be listed and revoked.

CREATE TABLE tokens (
  number      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  token_id    text PRIMARY KEY CHECK (token_id ~ '^[A-Za-z0-9_-]{1,64}$'),   -- its claim jti
  role        text NOT NULL
              CHECK (role IN ('customer', 'channel', 'support', 'warehouse', 'finance', 'operations', 'admin')),
  subject     text NOT NULL CHECK (length(subject) BETWEEN 1 AND 200),
  issued_at   timestamptz NOT NULL DEFAULT now(),
  issued_by   text NOT NULL,
  expires_at  timestamptz NOT NULL CHECK (expires_at > issued_at),
  revoked_at  timestamptz,
  revoked_by  text,
  CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
-- What the API asks for every second.
CREATE INDEX tokens_revoked ON tokens (expires_at) WHERE revoked_at IS NOT NULL;

CREATE FUNCTION guard_token() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.expires_at > now() THEN
      RAISE EXCEPTION 'token % is still valid: it can be revoked, not forgotten', OLD.token_id;
    END IF;
    RETURN OLD;
  END IF;
  IF OLD.revoked_at IS NOT NULL THEN
    RAISE EXCEPTION 'token % was revoked, which is final', OLD.token_id;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER token_guarded BEFORE UPDATE OR DELETE ON tokens FOR EACH ROW EXECUTE FUNCTION guard_token();
CREATE TRIGGER token_audited AFTER INSERT OR UPDATE ON tokens FOR EACH ROW
  EXECUTE FUNCTION audit_row('token', 'token_id', 'role subject expires_at revoked_at');

GRANT SELECT, DELETE ON tokens TO oms_app;
GRANT INSERT (token_id, role, subject, issued_at, issued_by, expires_at) ON tokens TO oms_app;
GRANT UPDATE (revoked_at, revoked_by) ON tokens TO oms_app;
REVOKE EXECUTE ON FUNCTION guard_token() FROM PUBLIC;
