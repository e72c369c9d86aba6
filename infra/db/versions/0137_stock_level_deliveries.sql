ALTER TABLE webhook_endpoints ADD COLUMN stock_channels text[] NOT NULL DEFAULT '{}';
DROP TRIGGER webhook_endpoint_audited ON webhook_endpoints;
CREATE TRIGGER webhook_endpoint_audited AFTER INSERT OR DELETE OR UPDATE ON webhook_endpoints
  FOR EACH ROW EXECUTE FUNCTION audit_row('webhook_endpoint', 'endpoint_id', 'url event_types stock_channels active');

-- An endpoint is removed with its rows, also by the previous version, which does not know them.
CREATE TABLE stock_level_deliveries (
  endpoint_id    text NOT NULL REFERENCES webhook_endpoints ON DELETE CASCADE,
  channel        text NOT NULL CHECK (length(channel) BETWEEN 1 AND 32),
  sku            text NOT NULL REFERENCES products,
  available      bigint NOT NULL CHECK (available >= 0),
  sequence       bigint NOT NULL DEFAULT 1 CHECK (sequence >= 1),
  at             timestamptz NOT NULL DEFAULT now(),
  sent_available bigint,
  state          text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'failed')),
  tries          integer NOT NULL DEFAULT 0,
  next_try_at    timestamptz NOT NULL DEFAULT now(),
  last_error     text,
  done_at        timestamptz,
  PRIMARY KEY (endpoint_id, channel, sku)
);
CREATE INDEX stock_level_deliveries_open ON stock_level_deliveries (endpoint_id, next_try_at) WHERE state = 'open';
CREATE INDEX stock_level_deliveries_failed ON stock_level_deliveries (done_at) WHERE state = 'failed';

CREATE TABLE stock_level_cursor (
  single      boolean PRIMARY KEY DEFAULT true CHECK (single),
  movement_id bigint NOT NULL
);
INSERT INTO stock_level_cursor (movement_id) SELECT coalesce(max(movement_id), 0) FROM stock_movements;

GRANT INSERT (stock_channels) ON webhook_endpoints TO oms_app;
GRANT SELECT ON stock_level_deliveries, stock_level_cursor TO oms_app;
GRANT INSERT (available, channel, endpoint_id, sku) ON stock_level_deliveries TO oms_app;
GRANT UPDATE (at, available, done_at, last_error, next_try_at, sent_available, sequence, state, tries)
  ON stock_level_deliveries TO oms_app;
GRANT UPDATE (movement_id) ON stock_level_cursor TO oms_app;
