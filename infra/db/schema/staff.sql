-- Staff: accounts, sessions, sign-in attempts, API tokens
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after system.sql.

-- Members of staff who sign in to the console.
CREATE TABLE staff (
  name           text PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,31}$'),
  role           text NOT NULL CHECK (role IN ('support', 'warehouse', 'finance', 'operations', 'admin')),
  password_hash  text NOT NULL,  -- argon2id with its parameters
  data_key       bytea NOT NULL,  -- wrapped; encrypts the secret of the second factor
  totp_enc       bytea NOT NULL,
  totp_step      bigint NOT NULL DEFAULT 0,  -- newest time step that was used: each code opens one session
  active         boolean NOT NULL DEFAULT true,
  created_at     timestamptz NOT NULL DEFAULT now(),
  signed_in_at   timestamptz,
  totp_set       boolean NOT NULL DEFAULT true,  -- false: the secret was shown to nobody, and no code fits it
  recovery_codes bytea[] NOT NULL DEFAULT '{}'::bytea[]  -- keyed hashes; a used one is removed
);

CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON staff
  FOR EACH ROW WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();

-- One admin can always sign in. Whoever removes or demotes one waits for another who does the same.
CREATE FUNCTION guard_last_admin() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.active AND NEW.role = 'admin' THEN
    RETURN NEW;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('last admin', 0));
  IF coalesce(current_setting('oms.even_last_admin', true), '') <> 'on'
     AND NOT EXISTS (SELECT FROM staff WHERE active AND role = 'admin' AND name <> OLD.name) THEN
    RAISE EXCEPTION '% is the only admin who can sign in', OLD.name USING ERRCODE = 'OM019';
  END IF;
  RETURN coalesce(NEW, OLD);
END $$;

CREATE TRIGGER last_admin_stays BEFORE DELETE OR UPDATE OF role, active ON staff
  FOR EACH ROW WHEN (OLD.active AND OLD.role = 'admin') EXECUTE FUNCTION guard_last_admin();

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

-- Single-use links: an invitation to join, or a new second factor for a member.
CREATE TABLE staff_invitations (
  invitation_id text PRIMARY KEY CHECK (invitation_id ~ '^inv_[0-9a-f]{32}$'),
  purpose       text NOT NULL CHECK (purpose IN ('join', 'second_factor')),
  -- SHA-256 of the token; the link is stored nowhere
  token_hash    bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  role          text NOT NULL CHECK (role IN ('support', 'warehouse', 'finance', 'operations', 'admin')),
  name          text CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,31}$'),  -- proposed; chosen once it is accepted
  email_enc     bytea,  -- under the master key, for as long as the link can be used
  invited_by    text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  expires_at    timestamptz NOT NULL,
  accepted_at   timestamptz,
  revoked_at    timestamptz,
  CONSTRAINT second_factor_of_name CHECK (purpose = 'join' OR name IS NOT NULL),
  CONSTRAINT invitation_expires CHECK (expires_at > created_at),
  CONSTRAINT accepted_by_name CHECK (accepted_at IS NULL OR name IS NOT NULL),
  CONSTRAINT invitation_ends_once CHECK (accepted_at IS NULL OR revoked_at IS NULL)
);

CREATE TRIGGER invitation_audited AFTER INSERT OR UPDATE ON staff_invitations
  FOR EACH ROW
  EXECUTE FUNCTION audit_row('invitation', 'invitation_id', 'purpose name role expires_at accepted_at revoked_at');

-- Passkeys and security keys of members: the public half.
CREATE TABLE staff_passkeys (
  passkey_id    text PRIMARY KEY CHECK (passkey_id ~ '^pk_[0-9a-f]{32}$'),
  name          text NOT NULL REFERENCES staff,
  label         text NOT NULL CHECK (length(label) BETWEEN 1 AND 60),
  credential_id bytea NOT NULL UNIQUE CHECK (length(credential_id) BETWEEN 1 AND 1023),
  public_key    bytea NOT NULL CHECK (length(public_key) BETWEEN 1 AND 4096),
  sign_count    bigint NOT NULL DEFAULT 0,
  created_at    timestamptz NOT NULL DEFAULT now(),
  used_at       timestamptz
);
CREATE INDEX staff_passkeys_name ON staff_passkeys (name);

CREATE TRIGGER passkey_audited AFTER INSERT OR DELETE OR UPDATE ON staff_passkeys
  FOR EACH ROW EXECUTE FUNCTION audit_row('passkey', 'passkey_id', 'name label');

-- Challenges that a browser signs, each answered once.
CREATE TABLE passkey_challenges (
  challenge_hash bytea PRIMARY KEY CHECK (length(challenge_hash) = 32),  -- SHA-256
  purpose        text NOT NULL CHECK (purpose IN ('register', 'sign_in')),
  name           text NOT NULL REFERENCES staff,
  expires_at     timestamptz NOT NULL
);
CREATE INDEX passkey_challenges_expiry ON passkey_challenges (expires_at);

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

-- A role changes only here: by an admin, and never the own one.
CREATE FUNCTION change_staff_role(member text, new_role text)
  RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF current_actor() NOT LIKE 'admin:%' OR person_of(current_actor()) = member THEN
    RAISE EXCEPTION 'the role of % is changed by another person, an admin', member USING ERRCODE = 'OM020';
  END IF;
  UPDATE staff SET role = new_role WHERE name = member AND active;
  RETURN FOUND;
END $$;

-- Rights

GRANT SELECT ON passkey_challenges, sign_in_attempts, staff, staff_invitations, staff_passkeys, staff_sessions, tokens
  TO oms_app;
GRANT DELETE ON passkey_challenges, sign_in_attempts, staff_passkeys, staff_sessions, tokens TO oms_app;
GRANT INSERT (challenge_hash, expires_at, name, purpose) ON passkey_challenges TO oms_app;
GRANT INSERT (failures, locked_until, name, source) ON sign_in_attempts TO oms_app;
GRANT UPDATE (failures, locked_until, tried_at) ON sign_in_attempts TO oms_app;
GRANT INSERT (data_key, name, password_hash, role, totp_enc, totp_set) ON staff TO oms_app;
GRANT UPDATE (active, data_key, password_hash, recovery_codes, signed_in_at, totp_enc, totp_set, totp_step) ON staff
  TO oms_app;
GRANT INSERT (email_enc, expires_at, invitation_id, invited_by, name, purpose, role, token_hash) ON staff_invitations
  TO oms_app;
GRANT UPDATE (accepted_at, email_enc, name, revoked_at) ON staff_invitations TO oms_app;
GRANT INSERT (credential_id, label, name, passkey_id, public_key, sign_count) ON staff_passkeys TO oms_app;
GRANT UPDATE (sign_count, used_at) ON staff_passkeys TO oms_app;
GRANT INSERT (address, expires_at, name, session_hash) ON staff_sessions TO oms_app;
GRANT UPDATE (seen_at) ON staff_sessions TO oms_app;
GRANT INSERT (expires_at, issued_at, issued_by, role, subject, token_id) ON tokens TO oms_app;
GRANT UPDATE (revoked_at, revoked_by) ON tokens TO oms_app;
REVOKE EXECUTE ON FUNCTION change_staff_role(text, text), guard_last_admin(), guard_token(), person_of(text)
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION change_staff_role(text, text), person_of(text) TO oms_app;
