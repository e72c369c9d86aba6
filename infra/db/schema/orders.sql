-- Orders: lifecycle, orders, lines, events
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after checks.sql.

-- The statuses of an order.
CREATE TABLE order_statuses (
  status text PRIMARY KEY
);

-- The order's lifecycle: which event leads from which status to which.
CREATE TABLE order_transitions (
  from_status text NOT NULL REFERENCES order_statuses (status),
  event       text NOT NULL,
  to_status   text NOT NULL REFERENCES order_statuses (status),
  CONSTRAINT order_transitions_pkey PRIMARY KEY (from_status, event),
  CONSTRAINT order_transitions_from_status_event_to_status_key UNIQUE (from_status, event, to_status)
);

-- One order. Amounts are in minor units of its currency; status and event_seq are changed by order_events only.
CREATE TABLE orders (
  order_no          text PRIMARY KEY CHECK (length(order_no) <= 20),
  channel           text NOT NULL CHECK (length(channel) BETWEEN 1 AND 32),
  external_ref      text CHECK (length(external_ref) BETWEEN 1 AND 100),
  type              text NOT NULL,
  status            text NOT NULL DEFAULT 'received',  -- changed by order_events only, along order_transitions
  customer_id       text NOT NULL REFERENCES customers,
  currency          char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  items_minor       bigint NOT NULL CHECK (items_minor >= 0),
  shipping_minor    bigint NOT NULL DEFAULT 0 CHECK (shipping_minor >= 0),
  total_minor       bigint NOT NULL,
  country           text NOT NULL,
  province          text NOT NULL,
  city              text NOT NULL,
  ship_to_enc       bytea NOT NULL,
  address_rev       integer NOT NULL DEFAULT 0,  -- version of the address
  note_enc          bytea,
  backorder         boolean NOT NULL DEFAULT false,
  priority          smallint NOT NULL DEFAULT 0,
  placed_by         text NOT NULL,
  event_seq         integer NOT NULL DEFAULT 1,  -- number of the newest event
  cancel_reason_enc bytea,
  cancelling        text,  -- why it is being cancelled; NULL while it is not
  waiting           jsonb,  -- {what, until, next}: written by the event that began the wait
  trace             text,  -- W3C traceparent of the request that placed it
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  hold              text,
  warehouse         text,
  discount_minor    bigint NOT NULL DEFAULT 0 CHECK (discount_minor >= 0),
  tax_minor         bigint NOT NULL DEFAULT 0 CHECK (tax_minor >= 0),
  tax_added_minor   bigint NOT NULL DEFAULT 0,  -- 0: prices include the tax
  exchange_of       text REFERENCES orders (order_no),  -- the order whose goods came back
  exchange_return   text,  -- and the return that they came on
  slot_from         timestamptz,
  slot_to           timestamptz,
  contact_id        bytea CHECK (length(contact_id) IN (0, 16)),
  contact_corrected boolean NOT NULL DEFAULT false,
  priced_by         jsonb,
  -- order: all of it before it ships; shipment: with each fulfilment its share when that ships
  capture           text NOT NULL DEFAULT 'order',
  -- false: what is there ships, and the rest waits as a planned fulfilment
  ship_complete     boolean NOT NULL DEFAULT true,
  CONSTRAINT order_external_ref UNIQUE (channel, external_ref),
  CONSTRAINT exchange_names_its_return CHECK ((type = 'exchange') = (exchange_of IS NOT NULL)
      AND (type = 'exchange') = (exchange_return IS NOT NULL)),
  CONSTRAINT order_total CHECK (total_minor = (items_minor - discount_minor + shipping_minor + tax_added_minor)
      AND discount_minor <= items_minor),
  CONSTRAINT order_priority CHECK (priority BETWEEN 0 AND 2),
  CONSTRAINT orders_check CHECK (tax_added_minor = 0 OR tax_added_minor = tax_minor),
  CONSTRAINT exchanges_something_else CHECK (exchange_of <> order_no),
  CONSTRAINT order_delivery_slot CHECK ((slot_from IS NULL) = (slot_to IS NULL)
      AND (slot_to - slot_from) >= '01:00:00'::interval AND (slot_to - slot_from) <= '25:00:00'::interval),
  CONSTRAINT orders_capture CHECK (capture IN ('order', 'shipment'))
) WITH (fillfactor = 70);
ALTER TABLE orders ADD CONSTRAINT orders_type CHECK (type IN ('standard', 'exchange', 'presale', 'virtual',
  'made_to_order', 'b2b')) NOT VALID;
CREATE INDEX orders_channel ON orders (channel, created_at DESC, order_no DESC);
CREATE INDEX orders_contact_unknown ON orders (order_no) WHERE contact_id IS NULL;
CREATE INDEX orders_customer ON orders (customer_id, created_at DESC, order_no DESC);
CREATE INDEX orders_hold ON orders (hold, created_at DESC, order_no DESC) WHERE hold IS NOT NULL;
CREATE INDEX orders_newest ON orders (created_at DESC, order_no DESC);
CREATE UNIQUE INDEX orders_one_exchange ON orders (exchange_return) WHERE exchange_return IS NOT NULL;
CREATE INDEX orders_open ON orders (order_no) WHERE status NOT IN ('completed', 'cancelled');
CREATE INDEX orders_priority ON orders (priority, created_at DESC, order_no DESC) WHERE priority > 0;
CREATE INDEX orders_status ON orders (status, created_at DESC, order_no DESC);
CREATE INDEX orders_unpaid ON orders (customer_id) WHERE (status IN ('received', 'pending_payment'))
  AND placed_by LIKE 'customer:%';
CREATE INDEX orders_unpaid_exchange ON orders (customer_id) WHERE (status IN ('received', 'pending_payment'))
  AND type = 'exchange';
CREATE INDEX orders_waiting_for_stock ON orders (created_at, order_no) WHERE status = 'received'
  AND (waiting ->> 'what') = 'stock';
CREATE INDEX orders_warehouse ON orders (warehouse, created_at DESC, order_no DESC) WHERE warehouse IS NOT NULL;
-- More triggers in payments_changes.sql: order_cancels_change_payment.
-- More triggers in payments_terms.sql: order_moves_credit.

-- Writes the first event and the request to start the workflow with every new order, so that no code can forget them.
CREATE FUNCTION begin_order()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.status <> 'received' OR NEW.event_seq <> 1 THEN
    RAISE EXCEPTION 'an order begins as received' USING ERRCODE = 'OM003';
  END IF;
  INSERT INTO order_events (order_no, seq, type, to_status, actor)
    VALUES (NEW.order_no, 1, 'order_placed', 'received', NEW.placed_by);
  INSERT INTO workflow_requests (kind, subject, trace, rank)
    VALUES ('start_order', NEW.order_no, NEW.trace,
            extract(epoch FROM clock_timestamp()) - priority_start_head_start_s(NEW.priority));
  RETURN NULL;
END $$;

CREATE TRIGGER order_begins AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION begin_order();

-- Refuses a status or event_seq that does not come from an order event.
CREATE FUNCTION guard_order_status() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF pg_trigger_depth() < 2 AND (NEW.status <> OLD.status OR NEW.event_seq <> OLD.event_seq) THEN
    RAISE EXCEPTION 'a status changes only through order_events' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER order_status_guard BEFORE UPDATE OF status, event_seq ON orders
  FOR EACH ROW EXECUTE FUNCTION guard_order_status();

-- Applies the limit of unpaid units, where the transaction sets one in oms.unpaid_units.
CREATE FUNCTION bound_unpaid_units() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  most bigint := nullif(nullif(current_setting('oms.unpaid_units', true), ''), '0')::bigint;
BEGIN
  IF most IS NOT NULL THEN
    PERFORM require_unpaid_within(NEW.customer_id, most);
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER order_within_unpaid_units AFTER INSERT ON orders
  FOR EACH ROW WHEN (NEW.placed_by LIKE 'customer:%') EXECUTE FUNCTION bound_unpaid_units();

-- What was ordered, with each line's share of discount, shipping and tax, and what was cancelled, refunded and
-- returned.
CREATE TABLE order_lines (
  order_no                text NOT NULL REFERENCES orders,
  line_no                 integer NOT NULL CHECK (line_no > 0),
  sku                     text NOT NULL REFERENCES products,
  name                    text NOT NULL,
  quantity                bigint NOT NULL,
  unit_price_minor        bigint NOT NULL CHECK (unit_price_minor >= 0),
  discount_minor          bigint NOT NULL DEFAULT 0 CHECK (discount_minor >= 0),
  shipping_minor          bigint NOT NULL DEFAULT 0 CHECK (shipping_minor >= 0),
  tax_minor               bigint NOT NULL DEFAULT 0 CHECK (tax_minor >= 0),
  tax_added_minor         bigint NOT NULL DEFAULT 0,
  paid_minor              bigint NOT NULL GENERATED ALWAYS AS (quantity * unit_price_minor - discount_minor +
      shipping_minor + tax_added_minor) STORED,
  refunded_minor          bigint NOT NULL DEFAULT 0,
  refunded_shipping_minor bigint NOT NULL DEFAULT 0,
  refunded_quantity       bigint NOT NULL DEFAULT 0,
  returned_quantity       bigint NOT NULL DEFAULT 0,
  cancelled_quantity      bigint NOT NULL DEFAULT 0,
  taken_down              boolean NOT NULL DEFAULT false,
  exchanged_minor         bigint NOT NULL DEFAULT 0,
  CONSTRAINT order_lines_pkey PRIMARY KEY (order_no, line_no),
  CONSTRAINT order_lines_quantity_check CHECK (quantity >=
  CASE
      WHEN taken_down THEN 0
      ELSE 1
  END AND quantity <= 1000000),
  CONSTRAINT line_discount_within_value CHECK (discount_minor <= (quantity * unit_price_minor)),
  CONSTRAINT order_lines_check CHECK (tax_added_minor = 0 OR tax_added_minor = tax_minor),
  CONSTRAINT line_refund_within_paid CHECK (refunded_minor >= 0 AND refunded_minor <= paid_minor
      AND refunded_shipping_minor >= 0 AND refunded_shipping_minor <= shipping_minor
      AND (refunded_minor - refunded_shipping_minor) >= 0 AND (refunded_minor - refunded_shipping_minor) <= (paid_minor
      - shipping_minor)),
  CONSTRAINT line_refund_within_quantity CHECK (refunded_quantity BETWEEN 0 AND quantity),
  CONSTRAINT line_returns_within_delivered CHECK (returned_quantity >= 0
      AND returned_quantity <= (quantity - cancelled_quantity)),
  CONSTRAINT line_cancelled_within_quantity CHECK (cancelled_quantity BETWEEN 0 AND quantity),
  CONSTRAINT line_exchanged_not_negative CHECK (exchanged_minor >= 0)
);
CREATE INDEX order_lines_sku ON order_lines (sku, order_no DESC);
-- More triggers in after_sales_exchanges.sql: exchanged_parts_whole.
-- More triggers in backorders.sql: line_fulfilled_after_change.

-- What happened to an order, numbered without gaps. Append-only; each event also goes to the outbox.
CREATE TABLE order_events (
  order_no    text NOT NULL REFERENCES orders,
  seq         integer NOT NULL,
  type        text NOT NULL,
  from_status text,
  to_status   text,
  key         text,  -- idempotency key of the step: one event for each effect
  data        jsonb NOT NULL DEFAULT '{}'::jsonb,
  actor       text NOT NULL,
  occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT order_events_pkey PRIMARY KEY (order_no, seq),
  CONSTRAINT one_event_per_effect UNIQUE (order_no, key),
  CONSTRAINT event_shape CHECK (
  CASE type
      WHEN 'order_placed' THEN from_status IS NULL AND to_status = 'received' AND seq = 1
      ELSE (from_status IS NULL) = (to_status IS NULL)
  END)
);
-- More triggers in after_sales.sql: completion_checks_returns.
-- More triggers in support.sql: event_clears_retrying_steps.
-- More triggers in shipping.sql: first_warehouse_changed, order_cancelled_fulfils, parcel_replaced_elsewhere,
-- stock_reserved_fulfils.
-- More triggers in after_sales_exchanges.sql: new_order_signals_return.
-- More triggers in orders_holds.sql: order_event_closes_holds.
-- More triggers in payments_terms.sql: terms_begin.

-- The only way to change an order's status: numbers the event, checks it against order_transitions, updates the order
-- and clears its wait. An order is cancelled only when its stock is free and its money returned.
CREATE FUNCTION apply_order_event()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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
                WHERE p.order_no = NEW.order_no
                  AND t.captured_minor > given_back_minor(p.order_no, p.payment_id))) THEN
    RAISE EXCEPTION 'cancel_incomplete' USING ERRCODE = 'OM005', DETAIL = 'stock is held or money not returned';
  END IF;
  UPDATE orders SET event_seq = event_seq + 1, status = coalesce(NEW.to_status, status), updated_at = now(),
         waiting = CASE WHEN NEW.data ? 'waiting' THEN nullif(NEW.data -> 'waiting', 'null') ELSE waiting END,
         warehouse = CASE NEW.type WHEN 'stock_reserved' THEN coalesce(NEW.data ->> 'warehouse', warehouse) ELSE warehouse END
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

CREATE TRIGGER order_event_audited AFTER INSERT ON order_events
  FOR EACH ROW WHEN (NEW.to_status IS NOT NULL OR NEW.actor <> 'system') EXECUTE FUNCTION audit_event();

-- Puts each event into the outbox.
CREATE FUNCTION publish_order_event()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO outbox (order_no, seq) VALUES (NEW.order_no, NEW.seq);
  RETURN NULL;
END $$;

CREATE TRIGGER order_event_published AFTER INSERT ON order_events FOR EACH ROW EXECUTE FUNCTION publish_order_event();

CREATE TRIGGER order_events_append_only BEFORE DELETE OR UPDATE ON order_events
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- How an order named its customer and its receiver, and keyed search terms. One row serves all orders of a customer
-- that named the same; a correction on one order makes a row of its own.
CREATE TABLE order_contacts (
  customer_id text NOT NULL REFERENCES customers,
  contact_id  bytea NOT NULL CHECK (length(contact_id) = 16),  -- keyed under the customer's data key: erasure ends it
  profile_enc bytea NOT NULL,  -- encrypted like customers.profile_enc
  terms       bytea[] NOT NULL,  -- keyed hashes of words of names, e-mail addresses, telephone numbers
  email_index bytea,  -- set by a correction: the portal finds the order by it
  phone_index bytea,
  created_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT order_contacts_pkey PRIMARY KEY (customer_id, contact_id)
);
CREATE INDEX order_contacts_email ON order_contacts (email_index) WHERE email_index IS NOT NULL;
CREATE INDEX order_contacts_phone ON order_contacts (phone_index) WHERE phone_index IS NOT NULL;
CREATE INDEX order_contacts_terms ON order_contacts USING gin (terms);

-- Refuses more unpaid units of one customer than the limit. Units that a change or an exchange reserves until it is
-- paid count too.
CREATE FUNCTION require_unpaid_within(customer text, most bigint)
  RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  unpaid bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('unpaid units'), hashtext(customer));
  SELECT coalesce(sum(l.quantity - l.cancelled_quantity), 0) INTO unpaid
    FROM orders o JOIN order_lines l USING (order_no)
   WHERE o.customer_id = customer AND o.status IN ('received', 'pending_payment') AND o.placed_by LIKE 'customer:%';
  SELECT unpaid + coalesce(sum(h.quantity), 0) INTO unpaid
    FROM change_payments s JOIN orders o USING (order_no)
    CROSS JOIN LATERAL jsonb_to_recordset(s.held) AS h (sku text, quantity bigint)
   WHERE s.status = 'awaiting_payment' AND s.actor LIKE 'customer:%' AND o.customer_id = customer AND h.quantity > 0;
  SELECT unpaid + coalesce(sum(l.quantity - l.cancelled_quantity), 0) INTO unpaid
    FROM orders o JOIN returns r ON r.return_id = o.exchange_return JOIN order_lines l ON l.order_no = o.order_no
   WHERE o.customer_id = customer AND o.status IN ('received', 'pending_payment') AND o.type = 'exchange'
     AND o.total_minor > 0 AND o.placed_by NOT LIKE 'customer:%' AND r.requested_by LIKE 'customer:%';
  SELECT unpaid + coalesce(sum(w.units), 0) INTO unpaid
    FROM returns r JOIN exchanges e USING (return_id)
    CROSS JOIN LATERAL (SELECT sum(x.quantity) AS units, sum(x.quantity * x.unit_price_minor) AS worth_minor
                          FROM exchange_lines x WHERE x.return_id = r.return_id) AS w
    CROSS JOIN LATERAL (SELECT sum(b.quantity * l.unit_price_minor) AS worth_minor
                          FROM return_lines b JOIN order_lines l USING (order_no, line_no)
                         WHERE b.return_id = r.return_id) AS back
   WHERE r.requested_by = 'customer:' || customer AND r.resolution = 'exchange' AND e.status = 'wanted'
     AND r.status IN ('requested', 'approved', 'in_transit', 'received', 'inspected')
     AND w.worth_minor > back.worth_minor;
  IF unpaid > most THEN
    RAISE EXCEPTION 'more than % units in unpaid orders of one customer', most USING ERRCODE = 'OM175';
  END IF;
END $$;

-- By how many seconds a priority moves a request forward in the queue.
CREATE FUNCTION priority_head_start_s(priority smallint) RETURNS integer LANGUAGE sql IMMUTABLE
RETURN CASE priority WHEN 2 THEN 600 WHEN 1 THEN 120 ELSE 0 END;

-- The same for the start of an order: urgent orders start before all others, unless one of those waits for more than a
-- day.
CREATE FUNCTION priority_start_head_start_s(priority smallint) RETURNS integer LANGUAGE sql IMMUTABLE
RETURN CASE priority WHEN 2 THEN 86400 WHEN 1 THEN 120 ELSE 0 END;

-- Rows

INSERT INTO order_statuses (status) VALUES ('cancelled'), ('completed'), ('delivered'), ('paid'), ('pending_payment'),
  ('preparing'), ('received'), ('shipped');
INSERT INTO order_transitions (from_status, event, to_status) VALUES ('delivered', 'return_window_closed', 'completed'),
  ('paid', 'order_cancelled', 'cancelled'), ('paid', 'shipment_booked', 'preparing'),
  ('paid', 'shipment_recorded', 'preparing'), ('pending_payment', 'capture_deferred', 'paid'),
  ('pending_payment', 'order_cancelled', 'cancelled'), ('pending_payment', 'payment_captured', 'paid'),
  ('pending_payment', 'payment_on_terms', 'paid'), ('pending_payment', 'payment_recorded', 'paid'),
  ('preparing', 'order_cancelled', 'cancelled'), ('preparing', 'shipment_picked_up', 'shipped'),
  ('received', 'order_cancelled', 'cancelled'), ('received', 'stock_reserved', 'pending_payment'),
  ('shipped', 'order_cancelled', 'cancelled'), ('shipped', 'shipment_delivered', 'delivered');

-- Rights

GRANT SELECT ON order_contacts, order_events, order_lines, order_statuses, order_transitions, orders TO oms_app;
GRANT INSERT (contact_id, customer_id, email_index, phone_index, profile_enc, terms) ON order_contacts TO oms_app;
GRANT UPDATE (email_index, phone_index, profile_enc, terms) ON order_contacts TO oms_app;
GRANT INSERT (actor, data, from_status, key, order_no, to_status, type) ON order_events TO oms_app;
GRANT INSERT (discount_minor, exchanged_minor, line_no, name, order_no, quantity, shipping_minor, sku, tax_added_minor,
  tax_minor, unit_price_minor) ON order_lines TO oms_app;
GRANT INSERT (backorder, channel, city, contact_corrected, contact_id, country, currency, customer_id, discount_minor,
  exchange_of, exchange_return, external_ref, items_minor, note_enc, order_no, placed_by, priced_by, priority, province,
  ship_complete, ship_to_enc, shipping_minor, slot_from, slot_to, tax_added_minor, tax_minor, total_minor, trace, type)
  ON orders TO oms_app;
GRANT UPDATE (address_rev, cancel_reason_enc, cancelling, capture, city, contact_corrected, contact_id, country,
  note_enc, priority, province, ship_to_enc, slot_from, slot_to) ON orders TO oms_app;
REVOKE EXECUTE ON FUNCTION apply_order_event(), begin_order(), bound_unpaid_units(), guard_order_status(),
  priority_head_start_s(smallint), priority_start_head_start_s(smallint), publish_order_event(),
  require_unpaid_within(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION priority_head_start_s(smallint), priority_start_head_start_s(smallint),
  require_unpaid_within(text, bigint) TO oms_app;
