-- Webhooks to subscribers
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after alerts.sql.

-- A subscriber's address, with its secret.
CREATE TABLE webhook_endpoints (
  endpoint_id    text PRIMARY KEY,
  url            text NOT NULL,
  secret_enc     bytea NOT NULL,
  data_key       bytea NOT NULL,
  event_types    text[] NOT NULL DEFAULT '{}'::text[],  -- empty: all
  active         boolean NOT NULL DEFAULT true,
  created_by     text NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  failing_since  timestamptz,  -- first failure since the last success
  last_error     text,
  disabled_at    timestamptz,
  stock_channels text[] NOT NULL DEFAULT '{}'::text[]  -- channels whose stock levels it is sent
);

CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON webhook_endpoints
  FOR EACH ROW WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();

CREATE TRIGGER webhook_endpoint_audited AFTER INSERT OR DELETE OR UPDATE ON webhook_endpoints
  FOR EACH ROW EXECUTE FUNCTION audit_row('webhook_endpoint', 'endpoint_id', 'url event_types stock_channels active');

-- One event for one endpoint, with its tries.
CREATE TABLE webhook_deliveries (
  endpoint_id text NOT NULL REFERENCES webhook_endpoints,
  order_no    text NOT NULL,
  seq         integer NOT NULL,
  state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'failed')),
  tries       integer NOT NULL DEFAULT 0,
  next_try_at timestamptz NOT NULL DEFAULT now(),
  last_error  text,
  done_at     timestamptz,
  CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (endpoint_id, order_no, seq),
  CONSTRAINT webhook_deliveries_order_no_seq_fkey FOREIGN KEY (order_no, seq) REFERENCES order_events (order_no, seq)
);
CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (done_at) WHERE state = 'failed';
CREATE INDEX webhook_deliveries_open ON webhook_deliveries (next_try_at) WHERE state = 'open';

-- The level of a product in a channel that an endpoint is sent: a newer one replaces one that is not yet sent.
CREATE TABLE stock_level_deliveries (
  endpoint_id    text NOT NULL REFERENCES webhook_endpoints ON DELETE CASCADE,
  channel        text NOT NULL CHECK (length(channel) BETWEEN 1 AND 32),
  sku            text NOT NULL REFERENCES products,
  available      bigint NOT NULL CHECK (available >= 0),
  sequence       bigint NOT NULL DEFAULT 1 CHECK (sequence >= 1),  -- grows with each new level
  at             timestamptz NOT NULL DEFAULT now(),  -- when the level was calculated
  sent_available bigint,  -- the level that the endpoint accepted last
  state          text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'failed')),
  tries          integer NOT NULL DEFAULT 0,
  next_try_at    timestamptz NOT NULL DEFAULT now(),
  last_error     text,
  done_at        timestamptz,
  CONSTRAINT stock_level_deliveries_pkey PRIMARY KEY (endpoint_id, channel, sku)
);
CREATE INDEX stock_level_deliveries_failed ON stock_level_deliveries (done_at) WHERE state = 'failed';
CREATE INDEX stock_level_deliveries_open ON stock_level_deliveries (endpoint_id, next_try_at) WHERE state = 'open';

-- Up to which movement of stock its levels are in stock_level_deliveries.
CREATE TABLE stock_level_cursor (
  single      boolean DEFAULT true PRIMARY KEY CHECK (single),
  movement_id bigint NOT NULL  -- no transaction that is still open has an earlier one
);

-- Rows

INSERT INTO stock_level_cursor (single, movement_id) VALUES (true, 0);

-- Rights

GRANT SELECT ON stock_level_cursor, stock_level_deliveries, webhook_deliveries, webhook_endpoints TO oms_app;
GRANT DELETE ON webhook_deliveries, webhook_endpoints TO oms_app;
GRANT UPDATE (movement_id) ON stock_level_cursor TO oms_app;
GRANT INSERT (available, channel, endpoint_id, sku) ON stock_level_deliveries TO oms_app;
GRANT UPDATE (at, available, done_at, last_error, next_try_at, sent_available, sequence, state, tries)
  ON stock_level_deliveries TO oms_app;
GRANT INSERT (done_at, endpoint_id, last_error, order_no, seq, state) ON webhook_deliveries TO oms_app;
GRANT UPDATE (done_at, last_error, next_try_at, state, tries) ON webhook_deliveries TO oms_app;
GRANT INSERT (created_by, data_key, endpoint_id, event_types, secret_enc, stock_channels, url) ON webhook_endpoints
  TO oms_app;
GRANT UPDATE (active, disabled_at, failing_since, last_error) ON webhook_endpoints TO oms_app;
