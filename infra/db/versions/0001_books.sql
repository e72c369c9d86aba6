-- The books. Every invariant that must not depend on careful code is a constraint, a key or a trigger here.

-- ── lifecycle ───────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE order_statuses (status text PRIMARY KEY);
CREATE TABLE order_transitions (
  from_status text NOT NULL REFERENCES order_statuses,
  event       text NOT NULL,
  to_status   text NOT NULL REFERENCES order_statuses,
  PRIMARY KEY (from_status, event),
  UNIQUE (from_status, event, to_status)
);

-- ── customers ───────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE customers (
  customer_id  text PRIMARY KEY CHECK (length(customer_id) BETWEEN 1 AND 64),
  data_key     bytea,                      -- wrapped by the master key; NULL after erasure, then nothing opens any more
  profile_enc  bytea,                      -- {name, email, phone}
  email_index  bytea,
  phone_index  bytea,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX customers_email ON customers (email_index) WHERE email_index IS NOT NULL;
CREATE INDEX customers_phone ON customers (phone_index) WHERE phone_index IS NOT NULL;

-- ── catalogue and stock ─────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE products (
  sku          text PRIMARY KEY CHECK (length(sku) BETWEEN 1 AND 64),
  name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  price_minor  bigint NOT NULL CHECK (price_minor BETWEEN 0 AND 1000000000000),
  currency     char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  active       boolean NOT NULL DEFAULT true,
  weight_g     integer NOT NULL DEFAULT 500 CHECK (weight_g > 0),
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE warehouses (
  code        text PRIMARY KEY CHECK (length(code) BETWEEN 1 AND 32),
  name        text NOT NULL,
  country     char(2) NOT NULL,
  province    text NOT NULL,
  city        text NOT NULL,
  priority    integer NOT NULL DEFAULT 100,
  is_default  boolean NOT NULL DEFAULT false,
  created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX warehouses_one_default ON warehouses (is_default) WHERE is_default;

CREATE TABLE stock_levels (
  sku           text NOT NULL REFERENCES products,
  warehouse     text NOT NULL REFERENCES warehouses,
  on_hand       bigint NOT NULL DEFAULT 0,
  reserved      bigint NOT NULL DEFAULT 0,
  incoming      bigint NOT NULL DEFAULT 0,
  safety_stock  bigint NOT NULL DEFAULT 0,
  available     bigint GENERATED ALWAYS AS (greatest(on_hand - reserved - safety_stock, 0)) STORED,
  PRIMARY KEY (sku, warehouse),
  CONSTRAINT stock_on_hand_not_negative  CHECK (on_hand >= 0),
  CONSTRAINT stock_reserved_not_negative CHECK (reserved >= 0),
  CONSTRAINT stock_not_oversold          CHECK (reserved <= on_hand),
  CONSTRAINT stock_incoming_not_negative CHECK (incoming >= 0),
  CONSTRAINT stock_safety_not_negative   CHECK (safety_stock >= 0)
) WITH (fillfactor = 60);                  -- levels are updated in place again and again

CREATE TABLE stock_movements (
  movement_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  idempotency_key  text NOT NULL,
  kind             text NOT NULL,
  sku              text NOT NULL,
  warehouse        text NOT NULL,
  quantity         bigint NOT NULL CHECK (quantity <> 0),
  on_hand_delta    bigint NOT NULL,
  reserved_delta   bigint NOT NULL,
  order_no         text,
  reference        text,
  actor            text NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT one_movement_per_key UNIQUE (idempotency_key),
  CONSTRAINT movement_deltas CHECK (CASE kind
    WHEN 'receipt'      THEN quantity > 0 AND on_hand_delta = quantity  AND reserved_delta = 0
    WHEN 'adjustment'   THEN                  on_hand_delta = quantity  AND reserved_delta = 0
    WHEN 'reserve'      THEN quantity > 0 AND on_hand_delta = 0         AND reserved_delta = quantity  AND order_no IS NOT NULL
    WHEN 'release'      THEN quantity > 0 AND on_hand_delta = 0         AND reserved_delta = -quantity AND order_no IS NOT NULL
    WHEN 'ship'         THEN quantity > 0 AND on_hand_delta = -quantity AND reserved_delta = -quantity AND order_no IS NOT NULL
    WHEN 'transfer_out' THEN quantity > 0 AND on_hand_delta = -quantity AND reserved_delta = 0
    WHEN 'transfer_in'  THEN quantity > 0 AND on_hand_delta = quantity  AND reserved_delta = 0
    ELSE false END)
);
CREATE INDEX stock_movements_level ON stock_movements (sku, warehouse);

-- A level moves only through a movement, so levels equal the sum of their movements by construction.
CREATE FUNCTION apply_stock_movement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  UPDATE stock_levels
     SET on_hand = on_hand + NEW.on_hand_delta, reserved = reserved + NEW.reserved_delta
   WHERE sku = NEW.sku AND warehouse = NEW.warehouse AND (NEW.kind <> 'reserve' OR available >= NEW.quantity);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'stock_short' USING ERRCODE = 'OM001', DETAIL = NEW.sku || ' at ' || NEW.warehouse;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER stock_movement_applies AFTER INSERT ON stock_movements
  FOR EACH ROW EXECUTE FUNCTION apply_stock_movement();

CREATE FUNCTION guard_stock_level() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_trigger_depth() < 2 AND (TG_OP = 'INSERT' AND (NEW.on_hand <> 0 OR NEW.reserved <> 0)
     OR TG_OP = 'UPDATE' AND (NEW.on_hand <> OLD.on_hand OR NEW.reserved <> OLD.reserved)) THEN
    RAISE EXCEPTION 'a level moves only through stock_movements' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stock_level_guard BEFORE INSERT OR UPDATE ON stock_levels
  FOR EACH ROW EXECUTE FUNCTION guard_stock_level();

-- ── orders ──────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE orders (
  order_no        text PRIMARY KEY CHECK (length(order_no) <= 20),
  channel         text NOT NULL CHECK (length(channel) BETWEEN 1 AND 32),
  external_ref    text CHECK (length(external_ref) BETWEEN 1 AND 100),
  type            text NOT NULL CHECK (type IN ('standard')),
  status          text NOT NULL DEFAULT 'received',  -- moved by order_events alone, along order_transitions
  customer_id     text NOT NULL REFERENCES customers,
  currency        char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  items_minor     bigint NOT NULL CHECK (items_minor >= 0),
  shipping_minor  bigint NOT NULL DEFAULT 0 CHECK (shipping_minor >= 0),
  total_minor     bigint NOT NULL,
  country         text NOT NULL,
  province        text NOT NULL,
  city            text NOT NULL,
  ship_to_enc     bytea NOT NULL,
  address_rev     integer NOT NULL DEFAULT 0,
  note_enc        bytea,
  backorder       boolean NOT NULL DEFAULT false,
  priority        smallint NOT NULL DEFAULT 0,
  placed_by       text NOT NULL,
  event_seq       integer NOT NULL DEFAULT 1,
  cancel_reason_enc bytea,
  cancelling      text,                    -- why it is being undone; NULL while it is not
  waiting         jsonb,                   -- {what, until, next}: written by the event that began the wait
  trace           text,                    -- W3C traceparent of the request that placed it
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT order_total CHECK (total_minor = items_minor + shipping_minor),
  CONSTRAINT order_external_ref UNIQUE (channel, external_ref)
) WITH (fillfactor = 70);
CREATE INDEX orders_newest   ON orders (created_at DESC, order_no DESC);
CREATE INDEX orders_customer ON orders (customer_id, created_at DESC, order_no DESC);
CREATE INDEX orders_status   ON orders (status, created_at DESC, order_no DESC);
CREATE INDEX orders_channel  ON orders (channel, created_at DESC, order_no DESC);
CREATE INDEX orders_open     ON orders (order_no) WHERE status NOT IN ('completed', 'cancelled');

CREATE TABLE order_lines (
  order_no          text NOT NULL REFERENCES orders,
  line_no           integer NOT NULL CHECK (line_no > 0),
  sku               text NOT NULL REFERENCES products,
  name              text NOT NULL,
  quantity          bigint NOT NULL CHECK (quantity BETWEEN 1 AND 1000000),
  unit_price_minor  bigint NOT NULL CHECK (unit_price_minor >= 0),
  PRIMARY KEY (order_no, line_no)
);

CREATE TABLE order_events (
  order_no     text NOT NULL REFERENCES orders,
  seq          integer NOT NULL,
  type         text NOT NULL,
  from_status  text,
  to_status    text,
  key          text,                       -- the step's idempotency key: one event per effect
  data         jsonb NOT NULL DEFAULT '{}',
  actor        text NOT NULL,
  occurred_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (order_no, seq),
  CONSTRAINT one_event_per_effect UNIQUE (order_no, key),
  CONSTRAINT event_shape CHECK (CASE type
    WHEN 'order_placed' THEN from_status IS NULL AND to_status = 'received' AND seq = 1
    ELSE (from_status IS NULL) = (to_status IS NULL) END)
);

CREATE TABLE outbox (                      -- events that no webhook fan-out has taken yet
  order_no      text NOT NULL,
  seq           integer NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (order_no, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE workflow_requests (           -- starts and signals that Temporal has not taken yet
  request_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind          text NOT NULL CHECK (kind IN ('start_order', 'signal_order', 'start_job')),
  subject       text NOT NULL,             -- order number or job id
  name          text,                      -- signal name
  payload       jsonb NOT NULL DEFAULT '{}',
  trace         text,
  created_at    timestamptz NOT NULL DEFAULT now(),
  claimed_until timestamptz NOT NULL DEFAULT '-infinity',
  tries         integer NOT NULL DEFAULT 0,
  last_error    text
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX workflow_requests_subject ON workflow_requests (subject, request_id);  -- one order's signals stay in order

-- An event is the only door to an order's status: it numbers itself without gaps, moves the order along
-- order_transitions and fills the outbox, all or nothing. The transition is looked up, not referenced by a foreign
-- key: every order would lock the same few rows.
CREATE FUNCTION apply_order_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE known text;
BEGIN
  IF NEW.type = 'order_placed' THEN
    NEW.seq := 1;
    RETURN NEW;
  END IF;
  IF (CASE WHEN NEW.from_status IS NULL THEN EXISTS (SELECT FROM order_transitions t WHERE t.event = NEW.type)
     ELSE NOT EXISTS (SELECT FROM order_transitions t
      WHERE t.from_status = NEW.from_status AND t.event = NEW.type AND t.to_status = NEW.to_status) END) THEN
    RAISE EXCEPTION 'illegal_transition' USING ERRCODE = 'OM002',
      DETAIL = coalesce(NEW.from_status, '-') || ' does not become ' || coalesce(NEW.to_status, '-') || ' by ' || NEW.type;
  END IF;
  -- Cancelled shows only once stock is free and money returned.
  IF NEW.to_status = 'cancelled' AND (
       EXISTS (SELECT FROM allocations a WHERE a.order_no = NEW.order_no AND a.state = 'reserved')
    OR EXISTS (SELECT FROM payments p JOIN payment_totals t USING (payment_id)
                WHERE p.order_no = NEW.order_no AND t.captured_minor > (
                  SELECT coalesce(sum(r.amount_minor), 0) FROM payments r
                   WHERE r.parent_id = p.payment_id AND r.kind = 'refund' AND r.status = 'succeeded'))) THEN
    RAISE EXCEPTION 'cancel_incomplete' USING ERRCODE = 'OM005', DETAIL = 'stock is held or money not returned';
  END IF;
  UPDATE orders SET event_seq = event_seq + 1, status = coalesce(NEW.to_status, status), updated_at = now(),
         waiting = CASE WHEN NEW.data ? 'waiting' THEN nullif(NEW.data -> 'waiting', 'null') ELSE waiting END
   WHERE order_no = NEW.order_no AND (NEW.from_status IS NULL OR status = NEW.from_status)
  RETURNING event_seq INTO NEW.seq;
  IF NOT FOUND THEN
    SELECT status INTO known FROM orders WHERE order_no = NEW.order_no;
    RAISE EXCEPTION 'illegal_transition' USING ERRCODE = 'OM002',
      DETAIL = coalesce(known, 'no such order') || ' does not take ' || NEW.type;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER order_event_applies BEFORE INSERT ON order_events FOR EACH ROW EXECUTE FUNCTION apply_order_event();

CREATE FUNCTION publish_order_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO outbox (order_no, seq) VALUES (NEW.order_no, NEW.seq);
  RETURN NULL;
END $$;
CREATE TRIGGER order_event_published AFTER INSERT ON order_events FOR EACH ROW EXECUTE FUNCTION publish_order_event();

CREATE FUNCTION guard_order_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_trigger_depth() < 2 AND (NEW.status <> OLD.status OR NEW.event_seq <> OLD.event_seq) THEN
    RAISE EXCEPTION 'a status changes only through order_events' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER order_status_guard BEFORE UPDATE OF status, event_seq ON orders
  FOR EACH ROW EXECUTE FUNCTION guard_order_status();

-- An accepted order comes with its first event and its start request: whoever inserts the row cannot forget them.
CREATE FUNCTION begin_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF NEW.status <> 'received' OR NEW.event_seq <> 1 THEN
    RAISE EXCEPTION 'an order begins as received' USING ERRCODE = 'OM003';
  END IF;
  INSERT INTO order_events (order_no, seq, type, to_status, actor)
    VALUES (NEW.order_no, 1, 'order_placed', 'received', NEW.placed_by);
  INSERT INTO workflow_requests (kind, subject, trace) VALUES ('start_order', NEW.order_no, NEW.trace);
  RETURN NULL;
END $$;
CREATE TRIGGER order_begins AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION begin_order();

CREATE FUNCTION forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'OM003';
END $$;
CREATE TRIGGER order_events_append_only BEFORE UPDATE OR DELETE ON order_events
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER stock_movements_append_only BEFORE UPDATE OR DELETE ON stock_movements
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- What stock an order holds, and where.
CREATE TABLE allocations (
  order_no   text NOT NULL REFERENCES orders,
  sku        text NOT NULL,
  warehouse  text NOT NULL,
  quantity   bigint NOT NULL CHECK (quantity > 0),
  state      text NOT NULL CHECK (state IN ('reserved', 'released', 'shipped')),
  PRIMARY KEY (order_no, sku, warehouse)
);
CREATE INDEX allocations_held ON allocations (sku, warehouse) WHERE state = 'reserved';

-- ── money ───────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE payment_requests (            -- a customer's wish to pay: a token, never a card
  request_id  text PRIMARY KEY,
  order_no    text NOT NULL REFERENCES orders,
  attempt     integer CHECK (attempt > 0), -- NULL until the order's workflow takes it up
  method      text NOT NULL CHECK (length(method) BETWEEN 1 AND 32),
  token       text NOT NULL CHECK (length(token) BETWEEN 1 AND 200),
  actor       text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (order_no, attempt)
);

CREATE TABLE payments (                    -- one row per transaction with a provider
  payment_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_no         text NOT NULL REFERENCES orders,
  kind             text NOT NULL CHECK (kind IN ('authorise', 'capture', 'void', 'refund')),
  purpose          text NOT NULL DEFAULT 'order' CHECK (purpose IN ('order', 'stray')),
  attempt          integer NOT NULL,
  provider         text NOT NULL,
  amount_minor     bigint NOT NULL CHECK (amount_minor > 0),
  currency         char(3) NOT NULL,
  status           text NOT NULL CHECK (status IN ('intent', 'pending', 'succeeded', 'failed')),
  idempotency_key  text NOT NULL UNIQUE,
  provider_ref     text,
  parent_id        bigint,
  risk             text,
  error_code       text,
  tries            integer NOT NULL DEFAULT 0,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  CHECK (status <> 'succeeded' OR provider_ref IS NOT NULL),
  UNIQUE (payment_id, order_no),
  CONSTRAINT undone_within_its_order FOREIGN KEY (parent_id, order_no) REFERENCES payments (payment_id, order_no)
);
-- A provider's reference is its own only; what support records by hand may name one bank transfer for several orders.
CREATE UNIQUE INDEX payments_provider_ref ON payments (provider, provider_ref, kind) WHERE provider <> 'manual';
CREATE INDEX payments_order ON payments (order_no);
-- Nobody pays twice: one live capture for the order itself; anything beyond is stray and goes back.
CREATE UNIQUE INDEX payments_one_capture ON payments (order_no)
  WHERE kind = 'capture' AND purpose = 'order' AND status <> 'failed';
CREATE UNIQUE INDEX payments_one_void ON payments (parent_id) WHERE kind = 'void' AND status <> 'failed';

CREATE TABLE payment_ledger (              -- double entry: each row debits one account and credits another
  entry_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  payment_id      bigint NOT NULL UNIQUE REFERENCES payments,
  order_no        text NOT NULL,
  debit_account   text NOT NULL,
  credit_account  text NOT NULL,
  amount_minor    bigint NOT NULL CHECK (amount_minor > 0),
  currency        char(3) NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  CHECK (debit_account <> credit_account)
);
CREATE INDEX payment_ledger_order ON payment_ledger (order_no);
CREATE TRIGGER payment_ledger_append_only BEFORE UPDATE OR DELETE ON payment_ledger
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

CREATE TABLE payment_totals (              -- stored only to carry the constraints; the ledger is the truth
  payment_id      bigint PRIMARY KEY REFERENCES payments,   -- the capture
  captured_minor  bigint NOT NULL CHECK (captured_minor > 0),
  refunded_minor  bigint NOT NULL DEFAULT 0 CHECK (refunded_minor >= 0),
  CONSTRAINT refunds_within_capture CHECK (refunded_minor <= captured_minor)
);

CREATE FUNCTION post_payment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF NEW.kind = 'refund' AND NEW.status <> 'failed' AND (TG_OP = 'INSERT' OR OLD.status = 'failed') THEN
    -- Room is taken when the refund is meant, so two refunds of the last cent cannot both be sent.
    UPDATE payment_totals SET refunded_minor = refunded_minor + NEW.amount_minor WHERE payment_id = NEW.parent_id;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'refund_without_capture' USING ERRCODE = 'OM004';
    END IF;
  ELSIF NEW.kind = 'refund' AND TG_OP = 'UPDATE' AND NEW.status = 'failed' AND OLD.status <> 'failed' THEN
    UPDATE payment_totals SET refunded_minor = refunded_minor - NEW.amount_minor WHERE payment_id = NEW.parent_id;
  END IF;
  IF NEW.status = 'succeeded' AND (TG_OP = 'INSERT' OR OLD.status <> 'succeeded') THEN
    INSERT INTO payment_ledger (payment_id, order_no, debit_account, credit_account, amount_minor, currency)
    SELECT NEW.payment_id, NEW.order_no, replace(p.debit, '{provider}', NEW.provider),
           replace(p.credit, '{provider}', NEW.provider), NEW.amount_minor, NEW.currency
      FROM posting_rules p WHERE p.kind = NEW.kind;
    IF NEW.kind = 'capture' THEN
      INSERT INTO payment_totals (payment_id, captured_minor) VALUES (NEW.payment_id, NEW.amount_minor);
    END IF;
  END IF;
  RETURN NULL;
END $$;
CREATE TABLE posting_rules (kind text PRIMARY KEY, debit text NOT NULL, credit text NOT NULL);
CREATE TRIGGER payment_posts AFTER INSERT OR UPDATE OF status ON payments
  FOR EACH ROW EXECUTE FUNCTION post_payment();

CREATE FUNCTION guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status = 'succeeded' AND NEW.status <> 'succeeded'
     OR NEW.amount_minor <> OLD.amount_minor OR NEW.kind <> OLD.kind OR NEW.order_no <> OLD.order_no
     OR NEW.currency <> OLD.currency OR NEW.idempotency_key <> OLD.idempotency_key
     OR NEW.provider <> OLD.provider OR NEW.parent_id IS DISTINCT FROM OLD.parent_id
     OR OLD.status = 'succeeded' AND NEW.provider_ref IS DISTINCT FROM OLD.provider_ref THEN
    RAISE EXCEPTION 'a payment''s facts do not change' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payment_guard BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION guard_payment();

-- ── parcels ─────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE shipments (
  shipment_id      text PRIMARY KEY,
  order_no         text NOT NULL REFERENCES orders,
  warehouse        text NOT NULL REFERENCES warehouses,
  carrier          text NOT NULL,
  status           text NOT NULL CHECK (status IN
    ('booking', 'booked', 'picked_up', 'in_transit', 'delivered', 'lost', 'refused', 'cancelled')),
  idempotency_key  text NOT NULL UNIQUE,
  carrier_ref      text,
  tracking_no      text,
  address_rev      integer NOT NULL DEFAULT 0,  -- which wording of the address was handed to the carrier
  cost_minor       bigint,
  cost_currency    char(3),
  tries            integer NOT NULL DEFAULT 0,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  UNIQUE (carrier, carrier_ref),
  CHECK (status IN ('booking', 'cancelled') OR tracking_no IS NOT NULL)
);
-- No second parcel: one live shipment per order.
CREATE UNIQUE INDEX shipments_one_live ON shipments (order_no) WHERE status <> 'cancelled';
CREATE INDEX shipments_tracking ON shipments (tracking_no);

CREATE TABLE shipment_labels (
  shipment_id  text PRIMARY KEY REFERENCES shipments,
  format       text NOT NULL,
  content_enc  bytea NOT NULL,             -- a label carries the address
  created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE shipment_scans (
  carrier      text NOT NULL,
  event_id     text NOT NULL,
  shipment_id  text NOT NULL REFERENCES shipments,
  status       text NOT NULL,
  occurred_at  timestamptz NOT NULL,
  received_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (carrier, event_id)
);
CREATE INDEX shipment_scans_shipment ON shipment_scans (shipment_id, occurred_at);

-- ── between the books and the workflows ─────────────────────────────────────────────────────────────────────
CREATE TABLE inbox (                       -- facts from outside, each once, whatever order they arrive in
  inbox_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  provider      text NOT NULL,
  event_id      text NOT NULL,
  kind          text NOT NULL CHECK (kind IN ('payment', 'shipment')),
  order_no      text,                      -- NULL: names no order of ours; kept for a person
  fact          jsonb NOT NULL,
  received_at   timestamptz NOT NULL DEFAULT now(),
  processed_at  timestamptz,
  outcome       text,
  UNIQUE (provider, event_id)
);
CREATE INDEX inbox_open ON inbox (order_no, inbox_id) WHERE processed_at IS NULL;

-- A fact that is kept wakes its order: the signal carries no more than where to look.
CREATE FUNCTION wake_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO workflow_requests (kind, subject, name, payload)
  VALUES ('signal_order', NEW.order_no, CASE NEW.kind WHEN 'payment' THEN 'payment_notified' ELSE 'carrier_reported' END,
          jsonb_build_object('inbox_id', NEW.inbox_id, 'status', NEW.fact ->> 'status'));
  RETURN NULL;
END $$;
CREATE TRIGGER inbox_wakes AFTER INSERT ON inbox FOR EACH ROW WHEN (NEW.order_no IS NOT NULL AND NEW.processed_at IS NULL)
  EXECUTE FUNCTION wake_order();

CREATE TABLE idempotency_keys (
  subject       text NOT NULL,
  key           text NOT NULL,
  request_hash  bytea NOT NULL,
  state         text NOT NULL CHECK (state IN ('running', 'done')),
  status_code   integer,
  response      jsonb,
  resource      text,                      -- what the first run made, so that a repeat after a crash finds it
  locked_until  timestamptz NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (subject, key),
  CHECK (state <> 'done' OR (status_code IS NOT NULL AND response IS NOT NULL))
);

-- ── support ─────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE resolutions (                 -- an act on a stuck step, kept before the workflow hears of it
  resolution_id  text PRIMARY KEY,
  order_no       text NOT NULL REFERENCES orders,
  action         text NOT NULL CHECK (action IN ('retry', 'skip', 'amend', 'compensate')),
  actor          text NOT NULL,
  reason_enc     bytea NOT NULL,
  value_enc      bytea,
  created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE parked_steps (
  order_no       text NOT NULL REFERENCES orders,
  park_no        integer NOT NULL,
  step           text NOT NULL,
  error          text NOT NULL,
  provider       text,
  attempts       integer NOT NULL,
  options        text[] NOT NULL,
  amount_minor   bigint NOT NULL,          -- money at stake
  since          timestamptz NOT NULL DEFAULT now(),
  escalate_at    timestamptz NOT NULL,
  escalated_at   timestamptz,
  resolved_at    timestamptz,
  resolution_id  text REFERENCES resolutions,
  PRIMARY KEY (order_no, park_no)
);
CREATE UNIQUE INDEX parked_one_open ON parked_steps (order_no) WHERE resolved_at IS NULL;
CREATE INDEX parked_open ON parked_steps (step, error, since) WHERE resolved_at IS NULL;

CREATE TABLE support_jobs (
  job_id      text PRIMARY KEY,
  action      text NOT NULL,
  filter      jsonb NOT NULL,
  data_key    bytea NOT NULL,              -- wrapped; seals reason and value
  reason_enc  bytea NOT NULL,
  value_enc   bytea,
  actor       text NOT NULL,
  rate_per_s  double precision NOT NULL CHECK (rate_per_s > 0),
  state       text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'stopped', 'finished')),
  total       integer NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
);
CREATE TABLE support_job_items (
  job_id         text NOT NULL REFERENCES support_jobs,
  order_no       text NOT NULL REFERENCES orders,
  resolution_id  text NOT NULL,
  state          text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'failed')),
  error          text,
  PRIMARY KEY (job_id, order_no)
);
CREATE INDEX support_job_items_open ON support_job_items (job_id, order_no) WHERE state = 'open';

-- ── events to the outside ───────────────────────────────────────────────────────────────────────────────────
CREATE TABLE webhook_endpoints (
  endpoint_id  text PRIMARY KEY,
  url          text NOT NULL,
  secret_enc   bytea NOT NULL,
  data_key     bytea NOT NULL,
  event_types  text[] NOT NULL DEFAULT '{}',  -- empty: all
  active       boolean NOT NULL DEFAULT true,
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE webhook_deliveries (
  endpoint_id      text NOT NULL REFERENCES webhook_endpoints,
  order_no         text NOT NULL,
  seq              integer NOT NULL,
  state            text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'failed')),
  tries            integer NOT NULL DEFAULT 0,
  next_try_at      timestamptz NOT NULL DEFAULT now(),
  last_error       text,
  done_at          timestamptz,
  PRIMARY KEY (endpoint_id, order_no, seq),
  FOREIGN KEY (order_no, seq) REFERENCES order_events
);
CREATE INDEX webhook_deliveries_open ON webhook_deliveries (next_try_at) WHERE state = 'open';

-- ── what the services may do ────────────────────────────────────────────────────────────────────────────────
GRANT SELECT ON ALL TABLES IN SCHEMA public TO oms_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO oms_app;
GRANT INSERT ON stock_movements, order_events, orders, order_lines, shipment_labels,
  shipment_scans, resolutions TO oms_app;
GRANT INSERT (sku, warehouse), UPDATE (incoming, safety_stock) ON stock_levels TO oms_app;
GRANT UPDATE (country, province, city, ship_to_enc, address_rev, note_enc, cancel_reason_enc, priority, cancelling, waiting, updated_at) ON orders TO oms_app;
GRANT INSERT, UPDATE ON payment_requests, customers, products, warehouses, allocations, payments, shipments, inbox, parked_steps,
  support_jobs, support_job_items, webhook_endpoints, webhook_deliveries TO oms_app;
GRANT INSERT, UPDATE, DELETE ON workflow_requests, idempotency_keys TO oms_app;
GRANT DELETE ON outbox, webhook_endpoints, webhook_deliveries TO oms_app;
GRANT UPDATE ON outbox TO oms_app;
-- Triggers run with the owner's rights; nobody else may hang their functions on tables of his own.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
