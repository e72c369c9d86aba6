-- Staff: accounts, sessions, sign-in attempts, API tokens
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after system.sql.

-- Members of staff who sign in to the console.
CREATE TABLE staff (
  name          text PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,31}$'),
  role          text NOT NULL CHECK (role IN ('support', 'warehouse', 'finance', 'operations', 'admin')),
  password_hash text NOT NULL,  -- argon2id with its parameters
  data_key      bytea NOT NULL,  -- wrapped; encrypts the secret of the second factor
  totp_enc      bytea NOT NULL,
  totp_step     bigint NOT NULL DEFAULT 0,  -- newest time step that was used: each code opens one session
  active        boolean NOT NULL DEFAULT true,
  created_at    timestamptz NOT NULL DEFAULT now(),
  signed_in_at  timestamptz
);

CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON staff
  FOR EACH ROW WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();

CREATE TRIGGER staff_audited AFTER INSERT OR DELETE OR UPDATE ON staff FOR EACH ROW EXECUTE FUNCTION audit_staff();

CREATE TRIGGER staff_not_emptied BEFORE TRUNCATE ON staff FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();

-- Open sessions of the console.
CREATE TABLE staff_sessions (
  session_hash bytea PRIMARY KEY,  -- SHA-256 of the cookie; the cookie is stored nowhere
  name         text NOT NULL REFERENCES staff,
  created_at   timestamptz NOT NULL DEFAULT now(),
  seen_at      timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  address      text
);
CREATE INDEX staff_sessions_name ON staff_sessions (name);

CREATE TRIGGER session_end_audited AFTER DELETE ON staff_sessions FOR EACH ROW EXECUTE FUNCTION audit_session_end();

CREATE TRIGGER sign_in_audited AFTER INSERT ON staff_sessions FOR EACH ROW EXECUTE FUNCTION audit_sign_in();

-- Failed sign-ins by typed name and source, for a lockout. The name need not exist.
CREATE TABLE sign_in_attempts (
  name         text NOT NULL CHECK (length(name) <= 64),
  failures     integer NOT NULL CHECK (failures > 0),
  locked_until timestamptz NOT NULL,
  tried_at     timestamptz NOT NULL DEFAULT now(),
  -- 'address A', 'from A', 'device D'; '' for all attempts with a name
  source       text NOT NULL DEFAULT '' CHECK (length(source) <= 100),
  CONSTRAINT sign_in_attempts_pkey PRIMARY KEY (name, source)
);

CREATE TRIGGER lockout_audited AFTER UPDATE ON sign_in_attempts
  FOR EACH ROW WHEN (NEW.locked_until > NEW.tried_at) EXECUTE FUNCTION audit_lockout();

-- Issued API tokens, without the token itself, so that each can be listed and revoked.
CREATE TABLE tokens (
  number     bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  token_id   text PRIMARY KEY CHECK (token_id ~ '^[A-Za-z0-9_-]{1,64}$'),  -- its claim jti
  role       text NOT NULL CHECK (role IN ('customer', 'channel', 'support', 'warehouse', 'finance', 'operations',
      'admin')),
  subject    text NOT NULL CHECK (length(subject) BETWEEN 1 AND 200),
  issued_at  timestamptz NOT NULL DEFAULT now(),
  issued_by  text NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  revoked_by text,
  CONSTRAINT tokens_check CHECK (expires_at > issued_at),
  CONSTRAINT tokens_check1 CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX tokens_revoked ON tokens (expires_at) WHERE revoked_at IS NOT NULL;

CREATE TRIGGER token_audited AFTER INSERT OR UPDATE ON tokens
  FOR EACH ROW EXECUTE FUNCTION audit_row('token', 'token_id', 'role subject expires_at revoked_at');

-- A token is deleted only after it has expired, and revoked once.
CREATE FUNCTION guard_token() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
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

CREATE TRIGGER token_guarded BEFORE DELETE OR UPDATE ON tokens FOR EACH ROW EXECUTE FUNCTION guard_token();

-- The name without the role, in lower case; empty for the system. Two roles of one person are one person.
CREATE FUNCTION person_of(actor text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE WHEN (strpos(actor, ':'::text) = 0) THEN ''::text ELSE lower(btrim(substr(actor, (strpos(actor,
  ':'::text) + 1)))) END;

-- Rights

GRANT SELECT ON sign_in_attempts, staff, staff_sessions, tokens TO oms_app;
GRANT DELETE ON sign_in_attempts, staff_sessions, tokens TO oms_app;
GRANT INSERT (failures, locked_until, name, source) ON sign_in_attempts TO oms_app;
GRANT UPDATE (failures, locked_until, tried_at) ON sign_in_attempts TO oms_app;
GRANT INSERT (data_key, name, password_hash, role, totp_enc) ON staff TO oms_app;
GRANT UPDATE (active, data_key, password_hash, signed_in_at, totp_enc, totp_step) ON staff TO oms_app;
GRANT INSERT (address, expires_at, name, session_hash) ON staff_sessions TO oms_app;
GRANT UPDATE (seen_at) ON staff_sessions TO oms_app;
GRANT INSERT (expires_at, issued_at, issued_by, role, subject, token_id) ON tokens TO oms_app;
GRANT UPDATE (revoked_at, revoked_by) ON tokens TO oms_app;
REVOKE EXECUTE ON FUNCTION guard_token(), person_of(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION person_of(text) TO oms_app;
