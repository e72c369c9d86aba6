-- Alerts: notices to staff
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after notifications.sql.

-- One episode of one cause, from its beginning to its end.
CREATE TABLE alerts (
  alert_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  cause     text NOT NULL,  -- its kind, and what tells it from others of the kind
  kind      text NOT NULL,
  facts     jsonb NOT NULL,
  count     bigint NOT NULL CHECK (count > 0),
  most      bigint NOT NULL,
  amounts   jsonb NOT NULL DEFAULT '[]'::jsonb,  -- money at stake: [{currency, amount_minor}]
  oldest_at timestamptz,
  since     timestamptz NOT NULL DEFAULT now(),
  seen_at   timestamptz NOT NULL DEFAULT now(),
  over_at   timestamptz,
  CONSTRAINT alerts_check CHECK (most >= count),
  CONSTRAINT alerts_check1 CHECK (over_at >= since)
);
CREATE INDEX alerts_cause ON alerts (cause, alert_id);
CREATE UNIQUE INDEX alerts_one_open ON alerts (cause) WHERE over_at IS NULL;

-- Where staff get notices: an e-mail address or a webhook.
CREATE TABLE alert_channels (
  channel_id text PRIMARY KEY,
  kind       text NOT NULL CHECK (kind IN ('dingtalk', 'wecom', 'webhook', 'email')),
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
  language   text NOT NULL CHECK (language IN ('en', 'zh')),
  causes     text[] NOT NULL DEFAULT '{}'::text[],  -- kinds of causes that it gets; empty: all
  target_enc bytea,  -- {url, secret} or {address}, encrypted under a key of its own
  data_key   bytea,  -- wrapped
  active     boolean NOT NULL DEFAULT true,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  removed_by text,
  -- one sender at a time, and a pause after each message
  busy_until timestamptz NOT NULL DEFAULT '-infinity'::timestamp with time zone,
  CONSTRAINT alert_channels_check CHECK (active = (removed_by IS NULL)),
  CONSTRAINT alert_channels_check1 CHECK (active = (target_enc IS NOT NULL AND data_key IS NOT NULL))
);

CREATE TRIGGER alert_channel_audited AFTER INSERT ON alert_channels FOR EACH ROW EXECUTE FUNCTION audit_alert_channel();

CREATE TRIGGER alert_channel_end_audited AFTER UPDATE OF active ON alert_channels
  FOR EACH ROW WHEN (OLD.active AND NOT NEW.active) EXECUTE FUNCTION audit_alert_channel();

CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON alert_channels
  FOR EACH ROW WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();

-- One notice on one channel, with its tries.
CREATE TABLE alert_deliveries (
  delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  alert_id    bigint NOT NULL REFERENCES alerts ON DELETE CASCADE,
  channel_id  text NOT NULL REFERENCES alert_channels,
  number      integer NOT NULL CHECK (number > 0),
  phase       text NOT NULL CHECK (phase IN ('begun', 'goes_on', 'over')),
  state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'failed', 'superseded')),
  tries       integer NOT NULL DEFAULT 0,
  next_try_at timestamptz NOT NULL DEFAULT now(),
  last_error  text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  done_at     timestamptz,
  CONSTRAINT alert_delivery_once UNIQUE (alert_id, channel_id, number)
);
CREATE INDEX alert_deliveries_channel ON alert_deliveries (channel_id, delivery_id DESC);
CREATE UNIQUE INDEX alert_deliveries_one_end ON alert_deliveries (alert_id, channel_id) WHERE phase = 'over';
CREATE UNIQUE INDEX alert_deliveries_one_open ON alert_deliveries (alert_id, channel_id) WHERE state = 'open';
CREATE INDEX alert_deliveries_open ON alert_deliveries (channel_id, next_try_at) WHERE state = 'open';

-- Rights

GRANT SELECT ON alert_channels, alert_deliveries, alerts TO oms_app;
GRANT DELETE ON alerts TO oms_app;
GRANT INSERT (causes, channel_id, created_by, data_key, kind, language, name, target_enc) ON alert_channels TO oms_app;
GRANT UPDATE (active, busy_until, data_key, removed_by, target_enc) ON alert_channels TO oms_app;
GRANT INSERT (alert_id, channel_id, number, phase) ON alert_deliveries TO oms_app;
GRANT UPDATE (done_at, last_error, next_try_at, state, tries) ON alert_deliveries TO oms_app;
GRANT INSERT (amounts, cause, count, facts, kind, most, oldest_at) ON alerts TO oms_app;
GRANT UPDATE (amounts, count, facts, most, oldest_at, over_at, seen_at) ON alerts TO oms_app;
