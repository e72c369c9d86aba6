-- Alerts: notices to staff
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after notifications.sql.

-- One episode of one cause, from its beginning to its end.
CREATE TABLE notices (
  notice_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
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
  CONSTRAINT notices_check CHECK (most >= count),
  CONSTRAINT notices_check1 CHECK (over_at >= since)
);
CREATE INDEX notices_cause ON notices (cause, notice_id);
CREATE UNIQUE INDEX notices_one_open ON notices (cause) WHERE over_at IS NULL;

-- Where staff get notices: an e-mail address or a webhook.
CREATE TABLE notice_channels (
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
  CONSTRAINT notice_channels_check CHECK (active = (removed_by IS NULL)),
  CONSTRAINT notice_channels_check1 CHECK (active = (target_enc IS NOT NULL AND data_key IS NOT NULL))
);

CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON notice_channels
  FOR EACH ROW WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();

CREATE TRIGGER notice_channel_audited AFTER INSERT ON notice_channels
  FOR EACH ROW EXECUTE FUNCTION audit_notice_channel();

CREATE TRIGGER notice_channel_end_audited AFTER UPDATE OF active ON notice_channels
  FOR EACH ROW WHEN (OLD.active AND NOT NEW.active) EXECUTE FUNCTION audit_notice_channel();

-- One notice on one channel, with its tries.
CREATE TABLE notice_deliveries (
  delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  notice_id   bigint NOT NULL REFERENCES notices ON DELETE CASCADE,
  channel_id  text NOT NULL REFERENCES notice_channels,
  number      integer NOT NULL CHECK (number > 0),
  phase       text NOT NULL CHECK (phase IN ('begun', 'goes_on', 'over')),
  state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'failed', 'superseded')),
  tries       integer NOT NULL DEFAULT 0,
  next_try_at timestamptz NOT NULL DEFAULT now(),
  last_error  text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  done_at     timestamptz,
  CONSTRAINT told_once UNIQUE (notice_id, channel_id, number)
);
CREATE INDEX notice_deliveries_channel ON notice_deliveries (channel_id, delivery_id DESC);
CREATE INDEX notice_deliveries_open ON notice_deliveries (channel_id, next_try_at) WHERE state = 'open';
CREATE UNIQUE INDEX notice_one_on_its_way ON notice_deliveries (notice_id, channel_id) WHERE state = 'open';
CREATE UNIQUE INDEX notice_over_once ON notice_deliveries (notice_id, channel_id) WHERE phase = 'over';

-- Rights

GRANT SELECT ON notice_channels, notice_deliveries, notices TO oms_app;
GRANT DELETE ON notices TO oms_app;
GRANT INSERT (causes, channel_id, created_by, data_key, kind, language, name, target_enc) ON notice_channels TO oms_app;
GRANT UPDATE (active, busy_until, data_key, removed_by, target_enc) ON notice_channels TO oms_app;
GRANT INSERT (channel_id, notice_id, number, phase) ON notice_deliveries TO oms_app;
GRANT UPDATE (done_at, last_error, next_try_at, state, tries) ON notice_deliveries TO oms_app;
GRANT INSERT (amounts, cause, count, facts, kind, most, oldest_at) ON notices TO oms_app;
GRANT UPDATE (amounts, count, facts, most, oldest_at, over_at, seen_at) ON notices TO oms_app;
