-- A member without an authenticator app keeps a sealed secret that nobody was shown: no code fits it.
ALTER TABLE staff ADD COLUMN totp_set boolean NOT NULL DEFAULT true,
  ADD COLUMN recovery_codes bytea[] NOT NULL DEFAULT '{}';

CREATE TABLE staff_invitations (
  invitation_id text PRIMARY KEY CHECK (invitation_id ~ '^inv_[0-9a-f]{32}$'),
  purpose       text NOT NULL CHECK (purpose IN ('join', 'second_factor')),
  token_hash    bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  role          text NOT NULL CHECK (role IN ('support', 'warehouse', 'finance', 'operations', 'admin')),
  name          text CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,31}$'),
  email_enc     bytea,
  invited_by    text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  expires_at    timestamptz NOT NULL,
  accepted_at   timestamptz,
  revoked_at    timestamptz,
  CONSTRAINT invitation_expires CHECK (expires_at > created_at),
  CONSTRAINT invitation_ends_once CHECK (accepted_at IS NULL OR revoked_at IS NULL),
  CONSTRAINT accepted_by_name CHECK (accepted_at IS NULL OR name IS NOT NULL),
  CONSTRAINT second_factor_of_name CHECK (purpose = 'join' OR name IS NOT NULL)
);
CREATE TRIGGER invitation_audited AFTER INSERT OR UPDATE ON staff_invitations FOR EACH ROW
  EXECUTE FUNCTION audit_row('invitation', 'invitation_id', 'purpose name role expires_at accepted_at revoked_at');

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
CREATE TRIGGER passkey_audited AFTER INSERT OR UPDATE OR DELETE ON staff_passkeys FOR EACH ROW
  EXECUTE FUNCTION audit_row('passkey', 'passkey_id', 'name label');

CREATE TABLE passkey_challenges (
  challenge_hash bytea PRIMARY KEY CHECK (length(challenge_hash) = 32),
  purpose        text NOT NULL CHECK (purpose IN ('register', 'sign_in')),
  name           text NOT NULL REFERENCES staff,
  expires_at     timestamptz NOT NULL
);
CREATE INDEX passkey_challenges_expiry ON passkey_challenges (expires_at);

-- Whoever removes or demotes an admin waits here for another who does the same, and then sees what is left.
CREATE FUNCTION guard_last_admin()
  RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
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

-- The application may not write the column: a role changes only here, by an admin, and never one's own.
CREATE FUNCTION change_staff_role(member text, new_role text) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF current_actor() NOT LIKE 'admin:%' OR person_of(current_actor()) = member THEN
    RAISE EXCEPTION 'the role of % is changed by another person, an admin', member USING ERRCODE = 'OM020';
  END IF;
  UPDATE staff SET role = new_role WHERE name = member AND active;
  RETURN FOUND;
END $$;

-- As before; what a person does to the own account, and what happens to recovery codes, has actions of its own.
CREATE OR REPLACE FUNCTION audit_staff()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  shown   text[] := ARRAY['name', 'role', 'active', 'totp_set', 'totp_step', 'created_at', 'signed_in_at'];
  old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  changed text[] := ARRAY(SELECT f FROM jsonb_object_keys(coalesce(new_row, old_row)) f
                           WHERE old_row IS NULL OR new_row IS NULL OR old_row -> f IS DISTINCT FROM new_row -> f);
  own     boolean := person_of(current_actor()) = coalesce(new_row, old_row) ->> 'name';
  said    text[];
BEGIN
  IF changed = '{}' THEN
    RETURN NULL;
  END IF;
  SELECT ARRAY[CASE WHEN old_row IS NOT NULL THEN jsonb_object_agg(f, CASE WHEN f = ANY (shown) THEN old_row -> f ELSE '"hidden"' END)::text END,
               CASE WHEN new_row IS NOT NULL THEN jsonb_object_agg(f, CASE WHEN f = ANY (shown) THEN new_row -> f ELSE '"hidden"' END)::text END]
    INTO said FROM unnest(changed) f;
  INSERT INTO audit_log (actor, action, before, after, reference)
  VALUES (current_actor(), CASE WHEN TG_OP = 'INSERT' THEN 'staff_added' WHEN TG_OP = 'DELETE' THEN 'staff_deleted'
                         WHEN (old_row ->> 'active')::boolean AND NOT (new_row ->> 'active')::boolean THEN 'staff_removed'
                         WHEN changed = ARRAY['password_hash'] AND own THEN 'staff_password_changed'
                         WHEN changed = ARRAY['recovery_codes'] AND jsonb_array_length(new_row -> 'recovery_codes')
                          < jsonb_array_length(old_row -> 'recovery_codes') THEN 'staff_recovery_code_used'
                         WHEN changed = ARRAY['recovery_codes'] THEN 'staff_recovery_codes_made'
                         WHEN 'data_key' = ANY (changed) THEN 'staff_reset'
                         WHEN changed && ARRAY['totp_enc', 'totp_set'] AND (own OR 'totp_set' = ANY (changed))
                         THEN 'staff_second_factor_changed'
                         WHEN changed && ARRAY['password_hash', 'data_key', 'totp_enc'] THEN 'staff_reset'
                         WHEN changed <@ ARRAY['totp_step', 'signed_in_at']
                          AND (new_row ->> 'totp_step')::bigint > (old_row ->> 'totp_step')::bigint THEN 'staff_code_used'
                         ELSE 'staff_changed' END,
          said[1], said[2], coalesce(new_row, old_row) ->> 'name');
  RETURN NULL;
END $$;

REVOKE EXECUTE ON FUNCTION guard_last_admin(), change_staff_role(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION change_staff_role(text, text) TO oms_app;
GRANT INSERT (totp_set), UPDATE (totp_set, recovery_codes) ON staff TO oms_app;
GRANT SELECT ON staff_invitations, staff_passkeys, passkey_challenges TO oms_app;
GRANT INSERT (invitation_id, purpose, token_hash, role, name, email_enc, invited_by, expires_at)
  ON staff_invitations TO oms_app;
GRANT UPDATE (name, email_enc, accepted_at, revoked_at) ON staff_invitations TO oms_app;
GRANT INSERT (passkey_id, name, label, credential_id, public_key, sign_count) ON staff_passkeys TO oms_app;
GRANT UPDATE (sign_count, used_at) ON staff_passkeys TO oms_app;
GRANT DELETE ON staff_passkeys, passkey_challenges TO oms_app;
GRANT INSERT (challenge_hash, purpose, name, expires_at) ON passkey_challenges TO oms_app;
