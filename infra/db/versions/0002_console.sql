-- Staff who sign in with a password and a second factor, and their sessions.

CREATE TABLE staff (
  name            text PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,31}$'),
  role            text NOT NULL CHECK (role IN ('support', 'warehouse', 'finance', 'operations', 'admin')),
  password_hash   text NOT NULL,             -- argon2id, its parameters inside
  data_key        bytea NOT NULL,            -- wrapped; seals the second factor's secret
  totp_enc        bytea NOT NULL,
  totp_step       bigint NOT NULL DEFAULT 0, -- the newest time step that was used: each code opens one session
  active          boolean NOT NULL DEFAULT true,
  created_at      timestamptz NOT NULL DEFAULT now(),
  signed_in_at    timestamptz
);

CREATE TABLE staff_sessions (
  session_hash  bytea PRIMARY KEY,           -- SHA-256 of the cookie; the cookie itself is nowhere
  name          text NOT NULL REFERENCES staff,
  created_at    timestamptz NOT NULL DEFAULT now(),
  seen_at       timestamptz NOT NULL DEFAULT now(),
  expires_at    timestamptz NOT NULL,
  address       text
);
CREATE INDEX staff_sessions_name ON staff_sessions (name);

CREATE TABLE sign_in_attempts (              -- by the name that was typed, whether it is anybody's or not
  name          text PRIMARY KEY CHECK (length(name) <= 64),
  failures      integer NOT NULL CHECK (failures > 0),
  locked_until  timestamptz NOT NULL,
  tried_at      timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT, UPDATE ON staff TO oms_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_attempts TO oms_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON staff_sessions TO oms_app;

-- Order numbers are ordered by time: the newest orders of a product are the end of its range.
CREATE INDEX order_lines_sku ON order_lines (sku, order_no DESC);
