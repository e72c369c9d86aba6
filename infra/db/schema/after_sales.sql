-- After sales: returns
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after backorders.sql.

-- The statuses of a return, and whether its units count as on a return.
CREATE TABLE return_statuses (
  status  text PRIMARY KEY,
  counted boolean NOT NULL,  -- its units are on a return
  closed  boolean NOT NULL
);

-- Which status of a return may follow which.
CREATE TABLE return_transitions (
  from_status text NOT NULL REFERENCES return_statuses (status),
  event       text NOT NULL,
  to_status   text NOT NULL REFERENCES return_statuses (status),
  CONSTRAINT return_transitions_pkey PRIMARY KEY (from_status, event)
);

-- Goods that a customer sends back, from the request to the settlement.
CREATE TABLE returns (
  return_id       text PRIMARY KEY CHECK (return_id ~ '^rt_[0-9a-z]{4,60}$'),
  order_no        text NOT NULL REFERENCES orders,
  return_no       integer NOT NULL DEFAULT 1 CHECK (return_no > 0),  -- set by the trigger
  resolution      text NOT NULL CHECK (resolution IN ('refund', 'exchange', 'store_credit')),
  status          text NOT NULL DEFAULT 'requested' REFERENCES return_statuses,
  reason_code     text NOT NULL,
  reason_enc      bytea NOT NULL,
  photographs_enc bytea,  -- references, never pictures
  answer_enc      bytea,  -- why it was rejected
  requested_by    text NOT NULL,
  warehouse       text NOT NULL REFERENCES warehouses (code),  -- that receives it
  deadline        timestamptz,  -- then `default_outcome` applies; a reminder before it
  remind_at       timestamptz,
  reminded_at     timestamptz,
  default_outcome text,
  label           text NOT NULL DEFAULT 'none' CHECK (label IN ('none', 'wanted', 'booked', 'failed')),
  label_tries     integer NOT NULL DEFAULT 0,
  carrier         text,
  carrier_ref     text,  -- the parcel that the shop booked
  tracking_no     text,
  parcel          text,  -- the carrier's newest status
  cost_minor      bigint,
  cost_currency   char(3),
  settled         text,  -- a code: how it was settled
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT returns_return_id_order_no_key UNIQUE (return_id, order_no),
  CONSTRAINT returns_order_no_return_no_key UNIQUE (order_no, return_no)
) WITH (fillfactor = 70);
CREATE INDEX returns_exchanging ON returns (requested_by) WHERE resolution = 'exchange' AND (status IN ('requested',
  'approved', 'in_transit', 'received', 'inspected'));
CREATE INDEX returns_newest ON returns (created_at DESC, return_id DESC);
CREATE INDEX returns_open ON returns (order_no, return_no) WHERE status IN ('requested', 'approved', 'in_transit',
  'received', 'inspected');
CREATE UNIQUE INDEX returns_parcel ON returns (carrier, carrier_ref) WHERE carrier_ref IS NOT NULL;
CREATE INDEX returns_status ON returns (status, created_at DESC, return_id DESC);
CREATE INDEX returns_tracking ON returns (tracking_no) WHERE tracking_no IS NOT NULL;
-- More triggers in after_sales_exchanges.sql: return_moves_guarantee.

-- A return needs a delivered order, begins as requested and is numbered.
CREATE FUNCTION begin_return()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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

-- Its facts do not change, and its status follows return_transitions.
CREATE FUNCTION guard_return()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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

-- Tells the return's workflow of every change, and the order's workflow of a new return and of its end.
CREATE FUNCTION signal_for_return()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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

CREATE TRIGGER return_moved_signals AFTER UPDATE ON returns
  FOR EACH ROW WHEN (OLD.status <> NEW.status OR OLD.deadline IS DISTINCT FROM NEW.deadline)
  EXECUTE FUNCTION signal_for_return();

CREATE TRIGGER return_opened_signals AFTER INSERT ON returns FOR EACH ROW EXECUTE FUNCTION signal_for_return();

-- A return that is rejected, expired or cancelled frees its units; one that arrives all the same takes them again, if
-- they are free.
CREATE FUNCTION recount_return()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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

CREATE TRIGGER return_recounted AFTER UPDATE OF status ON returns
  FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION recount_return();

-- Which order lines come back, and how many units.
CREATE TABLE return_lines (
  return_id text NOT NULL,
  order_no  text NOT NULL,
  line_no   integer NOT NULL,
  sku       text NOT NULL,
  quantity  bigint NOT NULL CHECK (quantity > 0),
  CONSTRAINT return_lines_pkey PRIMARY KEY (return_id, line_no),
  CONSTRAINT return_lines_return_id_order_no_fkey FOREIGN KEY (return_id, order_no) REFERENCES returns (return_id,
      order_no),
  CONSTRAINT return_lines_order_no_line_no_fkey FOREIGN KEY (order_no, line_no) REFERENCES order_lines (order_no,
      line_no)
);

-- Takes a return's units on the order lines: no unit is on two returns.
CREATE FUNCTION reserve_return_quantity()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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

CREATE TRIGGER return_line_reserves_quantity AFTER INSERT ON return_lines
  FOR EACH ROW EXECUTE FUNCTION reserve_return_quantity();

CREATE TRIGGER return_lines_append_only BEFORE DELETE OR UPDATE ON return_lines
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- What the warehouse found, at arrival and at inspection.
CREATE TABLE return_inspections (
  return_id text NOT NULL,
  line_no   integer NOT NULL,
  stage     text NOT NULL CHECK (stage IN ('received', 'inspected')),
  condition text NOT NULL CHECK (condition IN ('as_new', 'damaged', 'missing', 'wrong_item', 'lost')),
  quantity  bigint NOT NULL CHECK (quantity > 0),
  CONSTRAINT return_inspections_pkey PRIMARY KEY (return_id, line_no, stage, condition),
  CONSTRAINT return_inspections_return_id_line_no_fkey FOREIGN KEY (return_id, line_no)
      REFERENCES return_lines (return_id, line_no)
);

CREATE TRIGGER return_inspections_append_only BEFORE DELETE OR UPDATE ON return_inspections
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- No more is found of a line than was on the return, and an inspection covers all of it.
CREATE FUNCTION check_inspections()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (SELECT sum(f.quantity) FROM return_inspections f
       WHERE f.return_id = NEW.return_id AND f.line_no = NEW.line_no AND f.stage = NEW.stage)
     IS DISTINCT FROM (SELECT n.quantity FROM return_lines n
                        WHERE n.return_id = NEW.return_id AND n.line_no = NEW.line_no) THEN
    RAISE EXCEPTION 'what was found is all that was on the return' USING ERRCODE = 'OM004';
  END IF;
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER return_inspections_whole AFTER INSERT ON return_inspections DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION check_inspections();

-- Photographs that customers upload to a return: at most ten stored files, sealed with the customer's key.
CREATE TABLE return_photographs (
  return_id     text NOT NULL REFERENCES returns,
  photograph_no smallint NOT NULL,
  file_id       text NOT NULL REFERENCES stored_files,
  added_by      text NOT NULL,
  added_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT return_photographs_pkey PRIMARY KEY (return_id, photograph_no),
  CONSTRAINT photograph_once UNIQUE (return_id, file_id),
  CONSTRAINT photographs_at_most CHECK (photograph_no BETWEEN 1 AND 10)
);
CREATE INDEX return_photographs_file ON return_photographs (file_id);

CREATE TRIGGER return_photograph_audited AFTER INSERT ON return_photographs
  FOR EACH ROW EXECUTE FUNCTION audit_row('return_photograph', 'return_id', 'photograph_no file_id added_by');

CREATE TRIGGER return_photographs_append_only BEFORE DELETE OR UPDATE ON return_photographs
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Photographs that customers send of a parcel: at most ten stored files to an order, sealed with the customer's key.
CREATE TABLE order_photographs (
  order_no      text NOT NULL REFERENCES orders,
  photograph_no smallint NOT NULL,
  file_id       text NOT NULL REFERENCES stored_files,
  added_by      text NOT NULL,
  added_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT order_photographs_pkey PRIMARY KEY (order_no, photograph_no),
  CONSTRAINT order_photograph_once UNIQUE (order_no, file_id),
  CONSTRAINT order_photographs_at_most CHECK (photograph_no BETWEEN 1 AND 10)
);
CREATE INDEX order_photographs_file ON order_photographs (file_id);

CREATE TRIGGER order_photograph_audited AFTER INSERT ON order_photographs
  FOR EACH ROW EXECUTE FUNCTION audit_row('order_photograph', 'order_no', 'photograph_no file_id added_by');

CREATE TRIGGER order_photographs_append_only BEFORE DELETE OR UPDATE ON order_photographs
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- The label for the customer's parcel. It carries the address, so it is encrypted.
CREATE TABLE return_labels (
  return_id   text PRIMARY KEY REFERENCES returns,
  format      text NOT NULL,
  content_enc bytea NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TRIGGER return_labels_append_only BEFORE DELETE OR UPDATE ON return_labels
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- No more of a return goes on sale than was found as new, and no more into stock than arrived. There is one movement
-- for each SKU and target.
CREATE FUNCTION require_inspected_units()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.idempotency_key <> NEW.reference || '/' || NEW.kind || '/' || NEW.sku OR EXISTS (
       SELECT FROM (SELECT coalesce(sum(m.quantity), 0) AS shelved,
                           coalesce(sum(m.quantity) FILTER (WHERE m.kind = 'return_restock'), 0) AS on_sale
                      FROM stock_movements m
                     WHERE m.idempotency_key IN (NEW.reference || '/return_restock/' || NEW.sku,
                                                 NEW.reference || '/quarantine_in/' || NEW.sku)) moved,
                   (SELECT coalesce(sum(f.quantity), 0) AS came,
                           coalesce(sum(f.quantity) FILTER (WHERE f.condition = 'as_new'), 0) AS as_new
                      FROM return_inspections f JOIN return_lines l USING (return_id, line_no)
                     WHERE f.return_id = NEW.reference AND l.order_no IS NOT DISTINCT FROM NEW.order_no AND l.sku = NEW.sku
                       AND f.stage = 'inspected' AND f.condition IN ('as_new', 'damaged')) found
        WHERE moved.shelved > found.came OR moved.on_sale > found.as_new) THEN
    RAISE EXCEPTION 'more goes on a shelf than came back' USING ERRCODE = 'OM174', DETAIL = NEW.reference;
  END IF;
  RETURN NULL;
END $$;

-- Refuses to complete an order with an open return.
CREATE FUNCTION require_no_open_return()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  IF EXISTS (SELECT FROM returns r WHERE r.order_no = NEW.order_no
                AND r.status IN ('requested', 'approved', 'in_transit', 'received', 'inspected')) THEN
    RAISE EXCEPTION 'return_open' USING ERRCODE = 'OM010';
  END IF;
  RETURN NEW;
END $$;

-- Tells the return's workflow when its refund is paid, or will not be paid.
CREATE FUNCTION signal_return_of_refund()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO workflow_requests (kind, subject, name, payload)
  VALUES ('signal_return', NEW.return_id, 'return_changed',
          jsonb_build_object('order_no', NEW.order_no, 'refund', NEW.status));
  RETURN NULL;
END $$;

-- Of tables in earlier files

ALTER TABLE orders ADD CONSTRAINT orders_exchange_return_fkey FOREIGN KEY (exchange_return)
  REFERENCES returns (return_id);
CREATE TRIGGER completion_checks_returns BEFORE INSERT ON order_events
  FOR EACH ROW WHEN (NEW.type = 'return_window_closed') EXECUTE FUNCTION require_no_open_return();
CREATE TRIGGER return_stock_checks_inspection AFTER INSERT ON stock_movements
  FOR EACH ROW WHEN ((NEW.kind IN ('return_restock', 'quarantine_in')) AND NEW.reference LIKE 'rt\_%')
  EXECUTE FUNCTION require_inspected_units();
ALTER TABLE refunds ADD CONSTRAINT refund_of_its_return FOREIGN KEY (return_id, order_no) REFERENCES returns (return_id,
  order_no);
CREATE TRIGGER refund_signals_return AFTER UPDATE OF status ON refunds
  FOR EACH ROW WHEN (NEW.return_id IS NOT NULL AND OLD.status <> NEW.status AND (NEW.status NOT IN ('approved',
    'awaiting_approval')))
  EXECUTE FUNCTION signal_return_of_refund();

-- Rows

INSERT INTO return_statuses (status, counted, closed) VALUES ('approved', true, false), ('cancelled', false, true),
  ('completed', true, true), ('expired', false, true), ('in_transit', true, false), ('inspected', true, false),
  ('received', true, false), ('rejected', false, true), ('requested', true, false);
INSERT INTO return_transitions (from_status, event, to_status) VALUES ('approved', 'return_cancelled', 'cancelled'),
  ('approved', 'return_expired', 'expired'), ('approved', 'return_in_transit', 'in_transit'),
  ('approved', 'return_received', 'received'), ('cancelled', 'return_received', 'received'),
  ('expired', 'return_received', 'received'), ('in_transit', 'return_cancelled', 'cancelled'),
  ('in_transit', 'return_expired', 'expired'), ('in_transit', 'return_received', 'received'),
  ('inspected', 'return_completed', 'completed'), ('received', 'return_inspected', 'inspected'),
  ('requested', 'return_approved', 'approved'), ('requested', 'return_cancelled', 'cancelled'),
  ('requested', 'return_rejected', 'rejected');

-- Rights

GRANT SELECT ON order_photographs, return_inspections, return_labels, return_lines, return_photographs, return_statuses,
  return_transitions, returns TO oms_app;
GRANT INSERT (added_by, file_id, order_no, photograph_no) ON order_photographs TO oms_app;
GRANT INSERT (condition, line_no, quantity, return_id, stage) ON return_inspections TO oms_app;
GRANT INSERT (content_enc, format, return_id) ON return_labels TO oms_app;
GRANT INSERT (line_no, order_no, quantity, return_id, sku) ON return_lines TO oms_app;
GRANT INSERT (added_by, file_id, photograph_no, return_id) ON return_photographs TO oms_app;
GRANT INSERT (deadline, default_outcome, order_no, photographs_enc, reason_code, reason_enc, requested_by, resolution,
  return_id, warehouse) ON returns TO oms_app;
GRANT UPDATE (answer_enc, carrier, carrier_ref, cost_currency, cost_minor, deadline, default_outcome, label,
  label_tries, parcel, remind_at, reminded_at, settled, status, tracking_no, updated_at) ON returns TO oms_app;
REVOKE EXECUTE ON FUNCTION begin_return(), check_inspections(), guard_return(), recount_return(),
  require_inspected_units(), require_no_open_return(), reserve_return_quantity(), signal_for_return(),
  signal_return_of_refund() FROM PUBLIC;
