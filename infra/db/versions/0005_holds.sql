-- Holds: an order that is held takes no further step forward. And what the board filters by: hold, warehouse, priority.

ALTER TABLE orders ADD COLUMN hold text;             -- kind of the longest open hold, kept by the triggers below
ALTER TABLE orders ADD COLUMN warehouse text;        -- the one that sends it, from the reservation on
ALTER TABLE orders ADD CONSTRAINT order_priority CHECK (priority BETWEEN 0 AND 2);
CREATE INDEX orders_hold      ON orders (hold, created_at DESC, order_no DESC) WHERE hold IS NOT NULL;
CREATE INDEX orders_priority  ON orders (priority, created_at DESC, order_no DESC) WHERE priority > 0;
CREATE INDEX orders_warehouse ON orders (warehouse, created_at DESC, order_no DESC) WHERE warehouse IS NOT NULL;
UPDATE orders o SET warehouse = (SELECT min(a.warehouse) FROM allocations a WHERE a.order_no = o.order_no);

CREATE TABLE holds (
  order_no         text NOT NULL REFERENCES orders,
  hold_no          integer NOT NULL CHECK (hold_no > 0),
  kind             text NOT NULL CHECK (kind IN ('risk', 'address', 'stock', 'payment', 'manual')),
  stops            text[] NOT NULL CHECK (cardinality(stops) > 0),  -- the statuses in which the order stands still
  owner            text NOT NULL CHECK (length(owner) BETWEEN 1 AND 100),  -- a role, or role:name
  default_outcome  text NOT NULL CHECK (default_outcome IN ('release', 'cancel')),
  put_on_by        text NOT NULL,
  reason_enc       bytea NOT NULL,
  put_on_at        timestamptz NOT NULL DEFAULT now(),
  escalate_at      timestamptz NOT NULL,
  until            timestamptz NOT NULL,             -- then the default outcome comes by itself
  escalated_at     timestamptz,
  closed_at        timestamptz,
  closed_by        text,
  outcome          text CHECK (outcome IN ('released', 'expired', 'overtaken')),
  close_reason_enc bytea,
  PRIMARY KEY (order_no, hold_no),
  CHECK (until > put_on_at AND escalate_at <= until),
  CHECK ((closed_at IS NULL) = (outcome IS NULL) AND (closed_at IS NULL) = (closed_by IS NULL))
);
CREATE UNIQUE INDEX holds_one_open ON holds (order_no, kind) WHERE closed_at IS NULL;
CREATE INDEX holds_open ON holds (until, order_no, hold_no) WHERE closed_at IS NULL;

-- A hold needs an order that it can still stop. The order's row is taken first: a booking or a payment that begins at
-- the same moment is seen here, or sees the hold.
CREATE FUNCTION begin_hold() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE here orders%ROWTYPE;
BEGIN
  SELECT * INTO here FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  IF here.cancelling IS NOT NULL OR here.status NOT IN ('received', 'pending_payment', 'paid')
     OR (here.status = 'paid' AND NOT 'paid' = ANY (NEW.stops)) THEN
    RAISE EXCEPTION 'too_late_to_hold' USING ERRCODE = 'OM006', DETAIL = here.status;
  END IF;
  NEW.hold_no := (SELECT count(*) + 1 FROM holds h WHERE h.order_no = NEW.order_no);
  RETURN NEW;
END $$;
CREATE TRIGGER hold_begins BEFORE INSERT ON holds FOR EACH ROW EXECUTE FUNCTION begin_hold();

CREATE FUNCTION guard_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.closed_at IS NOT NULL THEN
    RAISE EXCEPTION 'a hold that is closed stays closed' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER hold_guard BEFORE UPDATE ON holds FOR EACH ROW EXECUTE FUNCTION guard_hold();

-- The order shows its oldest open hold, and is told that something about its holds has changed.
CREATE FUNCTION show_hold() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  UPDATE orders SET hold = (SELECT h.kind FROM holds h WHERE h.order_no = NEW.order_no AND h.closed_at IS NULL
                             ORDER BY h.hold_no LIMIT 1)
   WHERE order_no = NEW.order_no;
  -- What the workflow did itself needs no telling.
  IF coalesce(NEW.closed_by, NEW.put_on_by) <> 'system' THEN
    INSERT INTO workflow_requests (kind, subject, name, payload)
    VALUES ('signal_order', NEW.order_no, 'hold_changed', jsonb_build_object('hold_no', NEW.hold_no));
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER hold_shown AFTER INSERT OR UPDATE OF closed_at ON holds FOR EACH ROW EXECUTE FUNCTION show_hold();

-- What is past every step that a hold could stop is held no longer.
CREATE FUNCTION overtake_holds() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  UPDATE holds SET closed_at = now(), closed_by = 'system', outcome = 'overtaken'
   WHERE order_no = NEW.order_no AND closed_at IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER order_event_overtakes_holds AFTER INSERT ON order_events FOR EACH ROW
  WHEN (NEW.to_status IN ('preparing', 'cancelled')) EXECUTE FUNCTION overtake_holds();

-- No parcel is booked and no money asked for while a hold stops it, whatever the code believes: the intent is not
-- written, and without an intent nobody is called.
CREATE FUNCTION heed_holds() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE here orders%ROWTYPE;
BEGIN
  SELECT * INTO here FROM orders WHERE order_no = NEW.order_no FOR KEY SHARE;
  IF here.hold IS NOT NULL AND EXISTS (SELECT FROM holds h WHERE h.order_no = NEW.order_no AND h.closed_at IS NULL
                                          AND here.status = ANY (h.stops)) THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER booking_heeds_holds BEFORE INSERT ON shipments FOR EACH ROW WHEN (NEW.status = 'booking')
  EXECUTE FUNCTION heed_holds();
CREATE TRIGGER payment_heeds_holds BEFORE INSERT ON payments FOR EACH ROW
  WHEN (NEW.status = 'intent' AND NEW.kind IN ('authorise', 'capture') AND NEW.purpose = 'order')
  EXECUTE FUNCTION heed_holds();

-- The warehouse comes with the event of the reservation, in the same update as the status.
CREATE OR REPLACE FUNCTION apply_order_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
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

-- Requests of urgent orders go to Temporal before others that are not much older: a rank in seconds, the time of the
-- request less the head start of its order. Nobody starves: who waits longer than the head start goes first.
CREATE FUNCTION head_start_s(priority smallint) RETURNS integer IMMUTABLE LANGUAGE sql AS
  $$ SELECT CASE priority WHEN 2 THEN 600 WHEN 1 THEN 120 ELSE 0 END $$;
ALTER TABLE workflow_requests
  ADD COLUMN rank double precision NOT NULL DEFAULT extract(epoch FROM clock_timestamp());
CREATE INDEX workflow_requests_rank ON workflow_requests (rank, request_id);

CREATE OR REPLACE FUNCTION begin_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF NEW.status <> 'received' OR NEW.event_seq <> 1 THEN
    RAISE EXCEPTION 'an order begins as received' USING ERRCODE = 'OM003';
  END IF;
  INSERT INTO order_events (order_no, seq, type, to_status, actor)
    VALUES (NEW.order_no, 1, 'order_placed', 'received', NEW.placed_by);
  INSERT INTO workflow_requests (kind, subject, trace, rank)
    VALUES ('start_order', NEW.order_no, NEW.trace,
            extract(epoch FROM clock_timestamp()) - head_start_s(NEW.priority));
  RETURN NULL;
END $$;

-- What staff changed of an order by hand, and why.
CREATE TABLE order_acts (
  act_id      text PRIMARY KEY,
  order_no    text NOT NULL REFERENCES orders,
  action      text NOT NULL CHECK (action IN ('prioritise', 'adjust')),
  detail      text NOT NULL,               -- the new priority, or the event of the lifecycle
  actor       text NOT NULL,
  reason_enc  bytea NOT NULL,
  value_enc   bytea,
  approval_id text,                        -- the second person's yes, where money moves
  created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX order_acts_order ON order_acts (order_no, created_at DESC);
CREATE TRIGGER order_acts_append_only BEFORE UPDATE OR DELETE ON order_acts
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

GRANT SELECT, INSERT ON order_acts TO oms_app;
GRANT SELECT, INSERT ON holds TO oms_app;
GRANT UPDATE (owner, escalated_at, closed_at, closed_by, outcome, close_reason_enc) ON holds TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION head_start_s TO oms_app;  -- used in plain statements, not only in triggers
