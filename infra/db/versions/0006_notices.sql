-- What staff are told when something is wrong: where to, about what, and what became of each message.

CREATE TABLE notice_channels (
  channel_id  text PRIMARY KEY,
  kind        text NOT NULL CHECK (kind IN ('dingtalk', 'wecom', 'webhook', 'email')),
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
  language    text NOT NULL CHECK (language IN ('en', 'zh')),
  causes      text[] NOT NULL DEFAULT '{}',  -- kinds of causes it is told of; empty: all
  target_enc  bytea,                         -- {url, secret} or {address}, sealed under a key of its own
  data_key    bytea,                         -- wrapped
  active      boolean NOT NULL DEFAULT true,
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  removed_by  text,
  busy_until  timestamptz NOT NULL DEFAULT '-infinity',  -- one sender at a time, and a rest after each message
  CHECK (active = (removed_by IS NULL)),
  CHECK (active = (target_enc IS NOT NULL AND data_key IS NOT NULL))  -- the address goes with the channel
);

CREATE TABLE notices (                       -- one episode of one cause, from its beginning to its end
  notice_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  cause      text NOT NULL,                  -- its kind and what tells it from others of the kind
  kind       text NOT NULL,
  facts      jsonb NOT NULL,
  count      bigint NOT NULL CHECK (count > 0),
  most       bigint NOT NULL CHECK (most >= count),
  amounts    jsonb NOT NULL DEFAULT '[]',    -- money at stake: [{currency, amount_minor}]
  oldest_at  timestamptz,
  since      timestamptz NOT NULL DEFAULT now(),
  seen_at    timestamptz NOT NULL DEFAULT now(),
  over_at    timestamptz CHECK (over_at >= since)
);
CREATE UNIQUE INDEX notices_one_open ON notices (cause) WHERE over_at IS NULL;
CREATE INDEX notices_cause ON notices (cause, notice_id);

CREATE TABLE notice_deliveries (
  delivery_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  notice_id    bigint NOT NULL REFERENCES notices ON DELETE CASCADE,
  channel_id   text NOT NULL REFERENCES notice_channels,
  number       integer NOT NULL CHECK (number > 0),
  phase        text NOT NULL CHECK (phase IN ('begun', 'goes_on', 'over')),
  state        text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'failed', 'superseded')),
  tries        integer NOT NULL DEFAULT 0,
  next_try_at  timestamptz NOT NULL DEFAULT now(),
  last_error   text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  done_at      timestamptz,
  CONSTRAINT told_once UNIQUE (notice_id, channel_id, number)
);
-- However many processes look, a channel hears of an end once, and has one message of a notice before it.
CREATE UNIQUE INDEX notice_over_once ON notice_deliveries (notice_id, channel_id) WHERE phase = 'over';
CREATE UNIQUE INDEX notice_one_on_its_way ON notice_deliveries (notice_id, channel_id) WHERE state = 'open';
CREATE INDEX notice_deliveries_open ON notice_deliveries (channel_id, next_try_at) WHERE state = 'open';
CREATE INDEX notice_deliveries_channel ON notice_deliveries (channel_id, delivery_id DESC);

-- What the look for causes reads: it must cost what the trouble is large, not what the tables are.
CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (done_at) WHERE state = 'failed';

CREATE FUNCTION audit_notice_channel() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO audit_log (actor, action, after, reference)
  VALUES (CASE WHEN TG_OP = 'INSERT' THEN NEW.created_by ELSE NEW.removed_by END,
          CASE WHEN TG_OP = 'INSERT' THEN 'notice_channel_added' ELSE 'notice_channel_removed' END,
          NEW.kind, NEW.channel_id);
  RETURN NULL;
END $$;
CREATE TRIGGER notice_channel_audited AFTER INSERT ON notice_channels
  FOR EACH ROW EXECUTE FUNCTION audit_notice_channel();
CREATE TRIGGER notice_channel_end_audited AFTER UPDATE OF active ON notice_channels FOR EACH ROW
  WHEN (OLD.active AND NOT NEW.active) EXECUTE FUNCTION audit_notice_channel();

GRANT SELECT, INSERT ON notice_channels, notices, notice_deliveries TO oms_app;
GRANT UPDATE (active, removed_by, target_enc, data_key, busy_until) ON notice_channels TO oms_app;
GRANT UPDATE (facts, count, most, amounts, oldest_at, seen_at, over_at) ON notices TO oms_app;
GRANT UPDATE (state, tries, next_try_at, last_error, done_at) ON notice_deliveries TO oms_app;
GRANT DELETE ON notices TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
