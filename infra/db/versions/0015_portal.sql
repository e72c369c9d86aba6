-- Customers who sign in to the portal with a code or a link, and their sessions.

CREATE TABLE portal_codes (
  ask_hash       bytea PRIMARY KEY CHECK (length(ask_hash) = 32),  -- SHA-256 of the cookie of the browser that asked
  contact_kind   text NOT NULL CHECK (contact_kind IN ('email', 'phone')),
  contacts       bytea[] NOT NULL CHECK (cardinality(contacts) > 0), -- blind indexes, the current master key's first
  code_hash      bytea CHECK (length(code_hash) = 32),  -- under a key that the books lack; NULL: nobody is known by this contact
  link_hash      bytea UNIQUE CHECK (length(link_hash) = 32),
  tries          smallint NOT NULL DEFAULT 0 CONSTRAINT code_tried_five_times CHECK (tries BETWEEN 0 AND 5),
  asked_at       timestamptz NOT NULL DEFAULT now(),
  expires_at     timestamptz NOT NULL,
  used_at        timestamptz,
  CHECK ((code_hash IS NULL) = (link_hash IS NULL)),
  CHECK (expires_at > asked_at AND expires_at <= asked_at + interval '10 minutes'),
  CHECK (used_at IS NULL OR (used_at < expires_at AND code_hash IS NOT NULL))
);
CREATE INDEX portal_codes_contact ON portal_codes ((contacts[1]), asked_at);
CREATE INDEX portal_codes_expiry ON portal_codes (expires_at);

-- What is written of a code is never taken back: it is used once, and tried once more at a time.
CREATE FUNCTION guard_portal_code() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.used_at IS NOT NULL OR NEW.tries NOT IN (OLD.tries, OLD.tries + 1) THEN
    RAISE EXCEPTION 'a code is used once' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER portal_code_guard BEFORE UPDATE ON portal_codes FOR EACH ROW EXECUTE FUNCTION guard_portal_code();

CREATE TABLE portal_asks (                   -- how often a code was asked for, by what was typed and by address
  asked_by  bytea PRIMARY KEY CHECK (length(asked_by) = 32),
  asks      integer NOT NULL CHECK (asks > 0),
  since     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX portal_asks_since ON portal_asks (since);

CREATE TABLE portal_sessions (
  session_hash  bytea PRIMARY KEY CHECK (length(session_hash) = 32),  -- the cookie itself is nowhere
  contact_kind  text NOT NULL CHECK (contact_kind IN ('email', 'phone')),
  contacts      bytea[] NOT NULL CHECK (cardinality(contacts) > 0),
  created_at    timestamptz NOT NULL DEFAULT now(),
  seen_at       timestamptz NOT NULL DEFAULT now(),
  expires_at    timestamptz NOT NULL CHECK (expires_at > created_at)
);
CREATE INDEX portal_sessions_expiry ON portal_sessions (expires_at);

GRANT SELECT, INSERT, DELETE, UPDATE (tries, used_at) ON portal_codes TO oms_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON portal_asks TO oms_app;
GRANT SELECT, INSERT, DELETE, UPDATE (seen_at) ON portal_sessions TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
