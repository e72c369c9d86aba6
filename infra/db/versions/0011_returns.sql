-- Returns: what customers send back, never more than was delivered; and stock that is here but not on sale.

-- ── quarantine ──────────────────────────────────────────────────────────────────────────────────────────────
ALTER TABLE stock_levels ADD COLUMN quarantined bigint NOT NULL DEFAULT 0,   -- outside of on_hand
  ADD CONSTRAINT stock_quarantined_not_negative CHECK (quarantined >= 0);
ALTER TABLE stock_movements ADD COLUMN quarantined_delta bigint NOT NULL DEFAULT 0,
  DROP CONSTRAINT movement_deltas,
  ADD CONSTRAINT movement_deltas CHECK (CASE kind
    WHEN 'receipt'            THEN quantity > 0 AND on_hand_delta = quantity  AND reserved_delta = 0         AND quarantined_delta = 0
    WHEN 'adjustment'         THEN                  on_hand_delta = quantity  AND reserved_delta = 0         AND quarantined_delta = 0
    WHEN 'reserve'            THEN quantity > 0 AND on_hand_delta = 0         AND reserved_delta = quantity  AND quarantined_delta = 0 AND order_no IS NOT NULL
    WHEN 'release'            THEN quantity > 0 AND on_hand_delta = 0         AND reserved_delta = -quantity AND quarantined_delta = 0 AND order_no IS NOT NULL
    WHEN 'ship'               THEN quantity > 0 AND on_hand_delta = -quantity AND reserved_delta = -quantity AND quarantined_delta = 0 AND order_no IS NOT NULL
    WHEN 'transfer_out'       THEN quantity > 0 AND on_hand_delta = -quantity AND reserved_delta = 0         AND quarantined_delta = 0
    WHEN 'transfer_in'        THEN quantity > 0 AND on_hand_delta = quantity  AND reserved_delta = 0         AND quarantined_delta = 0
    WHEN 'return_restock'     THEN quantity > 0 AND on_hand_delta = quantity  AND reserved_delta = 0         AND quarantined_delta = 0 AND order_no IS NOT NULL
    WHEN 'quarantine_in'      THEN quantity > 0 AND on_hand_delta = 0         AND reserved_delta = 0         AND quarantined_delta = quantity
    WHEN 'quarantine_release' THEN quantity > 0 AND on_hand_delta = quantity  AND reserved_delta = 0         AND quarantined_delta = -quantity
    WHEN 'scrap'              THEN quantity > 0 AND on_hand_delta = 0         AND reserved_delta = 0         AND quarantined_delta = -quantity
    ELSE false END);

CREATE OR REPLACE FUNCTION apply_stock_movement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  UPDATE stock_levels
     SET on_hand = on_hand + NEW.on_hand_delta, reserved = reserved + NEW.reserved_delta,
         quarantined = quarantined + NEW.quarantined_delta
   WHERE sku = NEW.sku AND warehouse = NEW.warehouse AND (NEW.kind <> 'reserve' OR available >= NEW.quantity);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'stock_short' USING ERRCODE = 'OM001', DETAIL = NEW.sku || ' at ' || NEW.warehouse;
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION guard_stock_level() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_trigger_depth() < 2 AND (
       TG_OP = 'INSERT' AND (NEW.on_hand <> 0 OR NEW.reserved <> 0 OR NEW.quarantined <> 0)
    OR TG_OP = 'UPDATE' AND (NEW.on_hand <> OLD.on_hand OR NEW.reserved <> OLD.reserved
                             OR NEW.quarantined <> OLD.quarantined)) THEN
    RAISE EXCEPTION 'a level moves only through stock_movements' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

DROP TRIGGER stock_audited ON stock_movements;
CREATE TRIGGER stock_audited AFTER INSERT ON stock_movements FOR EACH ROW
  WHEN (NEW.kind IN ('receipt', 'adjustment', 'transfer_out', 'transfer_in', 'return_restock', 'quarantine_in',
                     'quarantine_release', 'scrap')) EXECUTE FUNCTION audit_stock();

-- ── returns ─────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE return_statuses (
  status   text PRIMARY KEY,
  counted  boolean NOT NULL,               -- its pieces are on a return
  closed   boolean NOT NULL
);
CREATE TABLE return_transitions (
  from_status  text NOT NULL REFERENCES return_statuses,
  event        text NOT NULL,
  to_status    text NOT NULL REFERENCES return_statuses,
  PRIMARY KEY (from_status, event)
);

CREATE TABLE returns (
  return_id        text PRIMARY KEY CHECK (return_id ~ '^rt_[0-9a-z]{4,60}$'),
  order_no         text NOT NULL REFERENCES orders,
  return_no        integer NOT NULL DEFAULT 1 CHECK (return_no > 0),  -- numbered by the trigger below
  resolution       text NOT NULL CHECK (resolution IN ('refund', 'exchange', 'store_credit')),
  status           text NOT NULL DEFAULT 'requested' REFERENCES return_statuses,
  reason_code      text NOT NULL,
  reason_enc       bytea NOT NULL,
  photographs_enc  bytea,                  -- references, never pictures
  answer_enc       bytea,                  -- why it was rejected
  requested_by     text NOT NULL,
  warehouse        text NOT NULL REFERENCES warehouses,  -- that takes it in
  deadline         timestamptz,            -- then `default_outcome` comes by itself; a reminder before it
  remind_at        timestamptz,
  reminded_at      timestamptz,
  default_outcome  text,
  label            text NOT NULL DEFAULT 'none' CHECK (label IN ('none', 'wanted', 'booked', 'failed')),
  label_tries      integer NOT NULL DEFAULT 0,
  carrier          text,
  carrier_ref      text,                   -- the parcel that we booked
  tracking_no      text,
  parcel           text,                   -- the carrier's newest word of it
  cost_minor       bigint,
  cost_currency    char(3),
  settled          text,                   -- a code: what came of it
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  UNIQUE (order_no, return_no),
  UNIQUE (return_id, order_no)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX returns_parcel ON returns (carrier, carrier_ref) WHERE carrier_ref IS NOT NULL;
CREATE INDEX returns_newest ON returns (created_at DESC, return_id DESC);
CREATE INDEX returns_status ON returns (status, created_at DESC, return_id DESC);
CREATE INDEX returns_open   ON returns (order_no, return_no)
  WHERE status IN ('requested', 'approved', 'in_transit', 'received', 'inspected');

CREATE TABLE return_lines (
  return_id  text NOT NULL,
  order_no   text NOT NULL,
  line_no    integer NOT NULL,
  sku        text NOT NULL,
  quantity   bigint NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (return_id, line_no),
  FOREIGN KEY (return_id, order_no) REFERENCES returns (return_id, order_no),
  FOREIGN KEY (order_no, line_no) REFERENCES order_lines
);

CREATE TABLE return_findings (             -- what people found: when it arrived, and when it was looked at
  return_id  text NOT NULL,
  line_no    integer NOT NULL,
  stage      text NOT NULL CHECK (stage IN ('received', 'inspected')),
  condition  text NOT NULL CHECK (condition IN ('as_new', 'damaged', 'missing', 'wrong_item', 'lost')),
  quantity   bigint NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (return_id, line_no, stage, condition),
  FOREIGN KEY (return_id, line_no) REFERENCES return_lines
);

CREATE TABLE return_labels (
  return_id    text PRIMARY KEY REFERENCES returns,
  format       text NOT NULL,
  content_enc  bytea NOT NULL,             -- a label carries the address
  created_at   timestamptz NOT NULL DEFAULT now()
);

-- Never more on returns than was delivered. The counter moves with the returns that count, in their own transaction.
ALTER TABLE order_lines ADD COLUMN returned_quantity bigint NOT NULL DEFAULT 0,
  ADD CONSTRAINT line_returns_within_delivered CHECK (returned_quantity BETWEEN 0 AND quantity);

CREATE FUNCTION begin_return() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE here orders%ROWTYPE;
BEGIN
  SELECT * INTO here FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  IF here.status NOT IN ('delivered', 'completed') THEN
    RAISE EXCEPTION 'not_delivered' USING ERRCODE = 'OM009', DETAIL = here.status;
  END IF;
  IF NEW.status <> 'requested' THEN
    RAISE EXCEPTION 'a return begins as requested' USING ERRCODE = 'OM003';
  END IF;
  NEW.return_no := (SELECT count(*) + 1 FROM returns r WHERE r.order_no = NEW.order_no);
  RETURN NEW;
END $$;
CREATE TRIGGER return_begins BEFORE INSERT ON returns FOR EACH ROW EXECUTE FUNCTION begin_return();

CREATE FUNCTION guard_return() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF (NEW.return_id, NEW.order_no, NEW.return_no, NEW.resolution, NEW.reason_code, NEW.requested_by, NEW.created_at)
     IS DISTINCT FROM (OLD.return_id, OLD.order_no, OLD.return_no, OLD.resolution, OLD.reason_code, OLD.requested_by,
                       OLD.created_at) THEN
    RAISE EXCEPTION 'a return''s facts do not change' USING ERRCODE = 'OM003';
  END IF;
  IF NEW.status <> OLD.status AND NOT EXISTS (
       SELECT FROM return_transitions t WHERE t.from_status = OLD.status AND t.to_status = NEW.status) THEN
    RAISE EXCEPTION 'illegal_transition' USING ERRCODE = 'OM002',
      DETAIL = 'a return that is ' || OLD.status || ' does not become ' || NEW.status;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER return_guard BEFORE UPDATE ON returns FOR EACH ROW EXECUTE FUNCTION guard_return();

CREATE FUNCTION take_return_room() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM returns r WHERE r.return_id = NEW.return_id AND r.status = 'requested') THEN
    RAISE EXCEPTION 'lines come with the request' USING ERRCODE = 'OM003';
  END IF;
  UPDATE order_lines SET returned_quantity = returned_quantity + NEW.quantity
   WHERE order_no = NEW.order_no AND line_no = NEW.line_no AND sku = NEW.sku;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'a return is of lines of its order' USING ERRCODE = 'OM004';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER return_line_takes_room AFTER INSERT ON return_lines FOR EACH ROW EXECUTE FUNCTION take_return_room();

-- What is rejected, expired or cancelled frees its pieces; what arrives all the same takes them again, if they are free.
CREATE FUNCTION recount_return() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  was boolean := (SELECT counted FROM return_statuses WHERE status = OLD.status);
  now_counts boolean := (SELECT counted FROM return_statuses WHERE status = NEW.status);
BEGIN
  IF was <> now_counts THEN
    UPDATE order_lines l
       SET returned_quantity = l.returned_quantity + CASE WHEN now_counts THEN n.quantity ELSE -n.quantity END
      FROM return_lines n WHERE n.return_id = NEW.return_id AND l.order_no = n.order_no AND l.line_no = n.line_no;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER return_recounted AFTER UPDATE OF status ON returns FOR EACH ROW WHEN (OLD.status <> NEW.status)
  EXECUTE FUNCTION recount_return();

-- Of a line no more is found than was on the return, and once it is looked at it is all of it.
CREATE FUNCTION check_findings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF (SELECT sum(f.quantity) FROM return_findings f
       WHERE f.return_id = NEW.return_id AND f.line_no = NEW.line_no AND f.stage = NEW.stage)
     IS DISTINCT FROM (SELECT n.quantity FROM return_lines n
                        WHERE n.return_id = NEW.return_id AND n.line_no = NEW.line_no) THEN
    RAISE EXCEPTION 'what was found is all that was on the return' USING ERRCODE = 'OM004';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER return_findings_whole AFTER INSERT ON return_findings DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION check_findings();
CREATE TRIGGER return_lines_append_only BEFORE UPDATE OR DELETE ON return_lines
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER return_findings_append_only BEFORE UPDATE OR DELETE ON return_findings
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER return_labels_append_only BEFORE UPDATE OR DELETE ON return_labels
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- An order with an open return is not completed, by nobody.
CREATE FUNCTION heed_returns() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  PERFORM FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  IF EXISTS (SELECT FROM returns r WHERE r.order_no = NEW.order_no
                AND r.status IN ('requested', 'approved', 'in_transit', 'received', 'inspected')) THEN
    RAISE EXCEPTION 'return_open' USING ERRCODE = 'OM010';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER completion_heeds_returns BEFORE INSERT ON order_events FOR EACH ROW
  WHEN (NEW.type = 'return_window_closed') EXECUTE FUNCTION heed_returns();

-- ── waking ──────────────────────────────────────────────────────────────────────────────────────────────────
ALTER TABLE workflow_requests DROP CONSTRAINT workflow_requests_kind_check,
  ADD CONSTRAINT workflow_requests_kind_check CHECK (kind IN ('start_order', 'signal_order', 'start_job', 'signal_return'));

-- A new return and one that is over concern the order's story; every change concerns the return's own.
CREATE FUNCTION wake_for_return() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  fresh boolean := TG_OP = 'INSERT';
  over  boolean := (SELECT closed FROM return_statuses WHERE status = NEW.status);
BEGIN
  IF fresh OR (over AND OLD.status <> NEW.status) THEN
    INSERT INTO workflow_requests (kind, subject, name, payload)
    VALUES ('signal_order', NEW.order_no, 'after_sales', jsonb_build_object('return_id', NEW.return_id));
  END IF;
  IF NOT fresh THEN
    INSERT INTO workflow_requests (kind, subject, name, payload)
    VALUES ('signal_return', NEW.return_id, 'return_changed',
            jsonb_build_object('order_no', NEW.order_no, 'status', NEW.status));
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER return_opened_wakes AFTER INSERT ON returns FOR EACH ROW EXECUTE FUNCTION wake_for_return();
CREATE TRIGGER return_moved_wakes AFTER UPDATE ON returns FOR EACH ROW
  WHEN (OLD.status <> NEW.status OR OLD.deadline IS DISTINCT FROM NEW.deadline) EXECUTE FUNCTION wake_for_return();

-- A return is completed when its money is out, or will not go out.
CREATE FUNCTION wake_return_of_refund() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO workflow_requests (kind, subject, name, payload)
  VALUES ('signal_return', NEW.return_id, 'return_changed',
          jsonb_build_object('order_no', NEW.order_no, 'refund', NEW.status));
  RETURN NULL;
END $$;
CREATE TRIGGER refund_wakes_return AFTER UPDATE OF status ON refunds FOR EACH ROW
  WHEN (NEW.return_id IS NOT NULL AND OLD.status <> NEW.status AND NEW.status <> 'approved')
  EXECUTE FUNCTION wake_return_of_refund();
ALTER TABLE refunds ADD CONSTRAINT refund_of_its_return FOREIGN KEY (return_id, order_no)
  REFERENCES returns (return_id, order_no);
CREATE UNIQUE INDEX refunds_one_of_return ON refunds (return_id) WHERE return_id IS NOT NULL;

GRANT SELECT ON returns, return_lines, return_findings, return_labels, return_statuses, return_transitions TO oms_app;
GRANT INSERT (return_id, order_no, resolution, reason_code, reason_enc, photographs_enc, requested_by, warehouse,
              deadline, default_outcome) ON returns TO oms_app;
GRANT UPDATE (status, deadline, remind_at, reminded_at, default_outcome, label, label_tries, carrier, carrier_ref,
              tracking_no, parcel, cost_minor, cost_currency, settled, answer_enc, updated_at) ON returns TO oms_app;
GRANT INSERT ON return_lines, return_findings, return_labels TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
