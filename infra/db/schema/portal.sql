-- Portal: how customers sign in
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after replenishment.sql.

-- How often a sign-in code was requested, by contact and by network address.
CREATE TABLE sign_in_requests (
  asked_by bytea PRIMARY KEY CHECK (length(asked_by) = 32),
  asks     integer NOT NULL CHECK (asks > 0),
  since    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_in_requests_since ON sign_in_requests (since);

-- A sign-in code and its link, as hashes.
CREATE TABLE portal_codes (
  ask_hash     bytea PRIMARY KEY CHECK (length(ask_hash) = 32),  -- SHA-256 of the cookie of the browser that asked
  contact_kind text NOT NULL CHECK (contact_kind IN ('email', 'phone')),
  contacts     bytea[] NOT NULL CHECK (cardinality(contacts) > 0),  -- keyed hashes, the current master key's first
  code_hash    bytea CHECK (length(code_hash) = 32),  -- under a key outside the database; NULL: the contact is unknown
  link_hash    bytea UNIQUE CHECK (length(link_hash) = 32),
  tries        smallint NOT NULL DEFAULT 0,
  asked_at     timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  used_at      timestamptz,
  CONSTRAINT portal_codes_check CHECK ((code_hash IS NULL) = (link_hash IS NULL)),
  CONSTRAINT code_tried_five_times CHECK (tries BETWEEN 0 AND 5),
  CONSTRAINT portal_codes_check1 CHECK (expires_at > asked_at AND expires_at <= (asked_at + '00:10:00'::interval)),
  CONSTRAINT portal_codes_check2 CHECK (used_at IS NULL OR used_at < expires_at AND code_hash IS NOT NULL)
);
CREATE INDEX portal_codes_contact ON portal_codes ((contacts[1]), asked_at);
CREATE INDEX portal_codes_expiry ON portal_codes (expires_at);

-- A code is used once, and tries are counted one at a time.
CREATE FUNCTION guard_portal_code() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.used_at IS NOT NULL OR NEW.tries NOT IN (OLD.tries, OLD.tries + 1) THEN
    RAISE EXCEPTION 'a code is used once' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER portal_code_guard BEFORE UPDATE ON portal_codes FOR EACH ROW EXECUTE FUNCTION guard_portal_code();

-- Open sessions of customers.
CREATE TABLE portal_sessions (
  session_hash bytea PRIMARY KEY CHECK (length(session_hash) = 32),  -- the cookie is stored nowhere
  contact_kind text NOT NULL CHECK (contact_kind IN ('email', 'phone')),
  contacts     bytea[] NOT NULL CHECK (cardinality(contacts) > 0),
  created_at   timestamptz NOT NULL DEFAULT now(),
  seen_at      timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  CONSTRAINT portal_sessions_check CHECK (expires_at > created_at)
);
CREATE INDEX portal_sessions_expiry ON portal_sessions (expires_at);

-- Rights

GRANT SELECT ON portal_codes, portal_sessions, sign_in_requests TO oms_app;
GRANT DELETE ON portal_codes, portal_sessions, sign_in_requests TO oms_app;
GRANT INSERT (ask_hash, code_hash, contact_kind, contacts, expires_at, link_hash) ON portal_codes TO oms_app;
GRANT UPDATE (tries, used_at) ON portal_codes TO oms_app;
GRANT INSERT (contact_kind, contacts, expires_at, session_hash) ON portal_sessions TO oms_app;
GRANT UPDATE (seen_at) ON portal_sessions TO oms_app;
GRANT INSERT (asked_by, asks) ON sign_in_requests TO oms_app;
GRANT UPDATE (asks, since) ON sign_in_requests TO oms_app;
REVOKE EXECUTE ON FUNCTION guard_portal_code() FROM PUBLIC;
