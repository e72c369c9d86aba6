-- Payments: refunds
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after payments_changes.sql.

-- The statuses of a refund.
CREATE TABLE refund_statuses (
  status text PRIMARY KEY
);

-- Which status of a refund may follow which.
CREATE TABLE refund_transitions (
  from_status text NOT NULL REFERENCES refund_statuses (status),
  to_status   text NOT NULL REFERENCES refund_statuses (status),
  CONSTRAINT refund_transitions_pkey PRIMARY KEY (from_status, to_status)
);

-- Money that goes back to the customer, with its reason and its approval.
CREATE TABLE refunds (
  refund_id      text PRIMARY KEY CHECK (length(refund_id) BETWEEN 4 AND 64),
  order_no       text NOT NULL REFERENCES orders,
  refund_no      integer NOT NULL DEFAULT 1 CHECK (refund_no > 0),  -- set by the trigger
  origin         text NOT NULL CHECK (origin IN ('support', 'return', 'amendment', 'exchange', 'provider')),
  return_id      text,
  amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
  goods_minor    bigint NOT NULL CHECK (goods_minor >= 0),
  shipping_minor bigint NOT NULL CHECK (shipping_minor >= 0),
  currency       char(3) NOT NULL,
  status         text NOT NULL REFERENCES refund_statuses,
  asked_by       text NOT NULL,
  reason_enc     bytea NOT NULL,
  approval_id    text UNIQUE REFERENCES approvals,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT refunds_refund_id_order_no_key UNIQUE (refund_id, order_no),
  CONSTRAINT refunds_order_no_refund_no_key UNIQUE (order_no, refund_no),
  CONSTRAINT refunds_check1 CHECK ((origin = 'return') = (return_id IS NOT NULL)),
  CONSTRAINT refunds_check CHECK (amount_minor = (goods_minor + shipping_minor))
) WITH (fillfactor = 80);
CREATE INDEX refunds_alone ON refunds (person_of(asked_by), created_at) WHERE origin = 'support'
  AND approval_id IS NULL;
CREATE INDEX refunds_due ON refunds (order_no, refund_no) WHERE status = 'approved';
CREATE INDEX refunds_newest ON refunds (created_at DESC);
CREATE UNIQUE INDEX refunds_one_of_return ON refunds (return_id) WHERE return_id IS NOT NULL;
CREATE INDEX refunds_return ON refunds (return_id) WHERE return_id IS NOT NULL;
CREATE INDEX refunds_waiting ON refunds (order_no) WHERE status = 'awaiting_approval';
-- More triggers in after_sales_exchanges.sql: refund_signals_exchange.
-- More triggers in after_sales.sql: refund_signals_return.

-- Wakes the order of a refund that may be paid. A workflow that has closed starts a new run.
CREATE FUNCTION signal_for_refund()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO workflow_requests (kind, subject, name, payload)
  VALUES ('signal_order', NEW.order_no, 'after_sales', jsonb_build_object('refund_id', NEW.refund_id));
  RETURN NULL;
END $$;

CREATE TRIGGER refund_approved_signals AFTER UPDATE OF status ON refunds
  FOR EACH ROW WHEN (OLD.status <> NEW.status AND NEW.status = 'approved') EXECUTE FUNCTION signal_for_refund();

-- A refund needs an order that keeps its money, and an approval where one is needed. The order's row is locked first,
-- so that one of two at once sees the other.
CREATE FUNCTION begin_refund()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE here orders%ROWTYPE;
BEGIN
  SELECT * INTO here FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  IF here.cancelling IS NOT NULL OR here.status = 'cancelled' THEN
    RAISE EXCEPTION 'order_closed' USING ERRCODE = 'OM008', DETAIL = 'all of its money goes back';
  END IF;
  IF NEW.currency <> here.currency THEN
    RAISE EXCEPTION 'a refund is in its order''s currency' USING ERRCODE = 'OM004';
  END IF;
  IF NEW.status NOT IN ('approved', 'awaiting_approval')
     OR (NEW.status = 'awaiting_approval') <> (NEW.approval_id IS NOT NULL)
     OR (NEW.approval_id IS NOT NULL AND NOT EXISTS (
           SELECT FROM approvals a WHERE a.approval_id = NEW.approval_id AND a.kind = 'refund'
              AND a.order_no = NEW.order_no AND a.amount_minor = NEW.amount_minor AND a.decision IS NULL)) THEN
    RAISE EXCEPTION 'a refund begins approved, or with a request that waits' USING ERRCODE = 'OM003';
  END IF;
  NEW.refund_no := (SELECT coalesce(max(r.refund_no), 0) + 1 FROM refunds r WHERE r.order_no = NEW.order_no);
  RETURN NEW;
END $$;

CREATE TRIGGER refund_begins BEFORE INSERT ON refunds FOR EACH ROW EXECUTE FUNCTION begin_refund();

-- Its facts do not change, and its status follows refund_transitions.
CREATE FUNCTION guard_refund()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (to_jsonb(NEW) - 'status' - 'updated_at') <> (to_jsonb(OLD) - 'status' - 'updated_at') THEN
    RAISE EXCEPTION 'a refund''s facts do not change' USING ERRCODE = 'OM003';
  END IF;
  IF NEW.status = OLD.status THEN
    RETURN NEW;
  END IF;
  IF NOT EXISTS (SELECT FROM refund_transitions m WHERE m.from_status = OLD.status AND m.to_status = NEW.status) THEN
    RAISE EXCEPTION 'illegal_transition' USING ERRCODE = 'OM002',
      DETAIL = 'a refund that is ' || OLD.status || ' does not become ' || NEW.status;
  END IF;
  IF OLD.status = 'overtaken' AND (NOT EXISTS (
          SELECT FROM refunds_overtaken o JOIN disputes d ON d.payment_id = o.dispute_id
           WHERE o.refund_id = NEW.refund_id AND d.status = 'won')
       OR EXISTS (SELECT FROM orders o WHERE o.order_no = NEW.order_no
                     AND (o.cancelling IS NOT NULL OR o.status = 'cancelled'))
       OR (NEW.status = 'approved') IS DISTINCT FROM (NEW.approval_id IS NULL OR EXISTS (
            SELECT FROM approvals a WHERE a.approval_id = NEW.approval_id AND a.decision = 'approved'))) THEN
    RAISE EXCEPTION 'refund_not_%', NEW.status USING ERRCODE = 'OM003';
  END IF;
  IF (CASE NEW.status
        WHEN 'awaiting_approval' THEN OLD.status = 'overtaken'
        WHEN 'approved' THEN CASE OLD.status
               WHEN 'overtaken' THEN true
               WHEN 'succeeded' THEN EXISTS (SELECT FROM payments m WHERE m.order_no = NEW.order_no
                      AND m.refund_id = NEW.refund_id AND is_reversed(m.payment_id, m.order_no))
                  AND EXISTS (SELECT FROM refund_allocations p WHERE p.refund_id = NEW.refund_id AND NOT EXISTS (
                      SELECT FROM payments m WHERE m.refund_id = p.refund_id AND m.parent_id = p.payment_id
                         AND m.status = 'succeeded'))
               ELSE EXISTS (SELECT FROM approvals a
                             WHERE a.approval_id = NEW.approval_id AND a.decision = 'approved') END
        WHEN 'refused' THEN EXISTS (SELECT FROM approvals a
               WHERE a.approval_id = NEW.approval_id AND (a.decision = 'refused' OR a.expires_at <= now()))
        WHEN 'overtaken' THEN NOT EXISTS (SELECT FROM payments p WHERE p.refund_id = NEW.refund_id AND p.status <> 'failed')
               AND ((OLD.status = 'awaiting_approval' AND EXISTS (
                      SELECT FROM orders o WHERE o.order_no = NEW.order_no AND o.cancelling IS NOT NULL))
                 OR EXISTS (SELECT FROM inbox i WHERE i.order_no = NEW.order_no AND i.kind = 'payment'
                               AND i.processed_at IS NULL AND i.fact ->> 'kind' IN ('refund', 'dispute')))
        WHEN 'succeeded' THEN NOT EXISTS (SELECT FROM refund_allocations p WHERE p.refund_id = NEW.refund_id AND NOT EXISTS (
               SELECT FROM payments m WHERE m.refund_id = p.refund_id AND m.parent_id = p.payment_id
                  AND m.status = 'succeeded' AND m.amount_minor = p.amount_minor))
      END) IS NOT TRUE THEN
    RAISE EXCEPTION 'refund_not_%', NEW.status USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER refund_guard BEFORE UPDATE ON refunds FOR EACH ROW EXECUTE FUNCTION guard_refund();

CREATE TRIGGER refund_opened_signals AFTER INSERT ON refunds
  FOR EACH ROW WHEN (NEW.status = 'approved') EXECUTE FUNCTION signal_for_refund();

-- Frees the room of a refund that will not be paid.
CREATE FUNCTION release_refund_amount()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE payment_totals t SET promised_minor = t.promised_minor - p.amount_minor
    FROM refund_allocations p WHERE p.refund_id = NEW.refund_id AND t.payment_id = p.payment_id;
  UPDATE order_lines l
     SET refunded_minor = l.refunded_minor - n.amount_minor, refunded_quantity = l.refunded_quantity - n.quantity,
         refunded_shipping_minor = l.refunded_shipping_minor - n.shipping_minor
    FROM refund_lines n WHERE n.refund_id = NEW.refund_id AND l.order_no = NEW.order_no AND l.line_no = n.line_no;
  RETURN NULL;
END $$;

CREATE TRIGGER refund_releases_amount AFTER UPDATE OF status ON refunds
  FOR EACH ROW WHEN (OLD.status <> NEW.status AND (NEW.status IN ('refused', 'overtaken')))
  EXECUTE FUNCTION release_refund_amount();

-- Takes the room of a stopped refund again; constraints refuse it where nothing is left. A request for approval gets
-- its full time.
CREATE FUNCTION reserve_refund_amount_again()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE payment_totals t SET promised_minor = t.promised_minor + p.amount_minor
    FROM refund_allocations p WHERE p.refund_id = NEW.refund_id AND t.payment_id = p.payment_id;
  UPDATE order_lines l
     SET refunded_minor = l.refunded_minor + n.amount_minor, refunded_quantity = l.refunded_quantity + n.quantity,
         refunded_shipping_minor = l.refunded_shipping_minor + n.shipping_minor
    FROM refund_lines n WHERE n.refund_id = NEW.refund_id AND l.order_no = NEW.order_no AND l.line_no = n.line_no;
  UPDATE approvals a SET expires_at = now() + (a.expires_at - a.asked_at)
   WHERE a.approval_id = NEW.approval_id AND a.decision IS NULL;
  RETURN NULL;
END $$;

CREATE TRIGGER refund_reserves_amount_again AFTER UPDATE OF status ON refunds
  FOR EACH ROW WHEN (OLD.status = 'overtaken') EXECUTE FUNCTION reserve_refund_amount_again();

-- Lines and parts add up to the refund, at the end of every transaction.
CREATE FUNCTION check_refund_whole()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  whole refunds%ROWTYPE;
  named bigint;
  shipping bigint;
  parts bigint;
BEGIN
  SELECT * INTO whole FROM refunds WHERE refund_id = NEW.refund_id;
  SELECT sum(amount_minor), sum(shipping_minor) INTO named, shipping FROM refund_lines WHERE refund_id = NEW.refund_id;
  SELECT sum(amount_minor) INTO parts FROM refund_allocations WHERE refund_id = NEW.refund_id;
  IF (named, shipping, parts) IS DISTINCT FROM (whole.amount_minor, whole.shipping_minor, whole.amount_minor) THEN
    RAISE EXCEPTION 'a refund is the sum of its lines and of its parts' USING ERRCODE = 'OM004';
  END IF;
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER refund_whole AFTER INSERT ON refunds DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION check_refund_whole();

-- Which order lines a refund is for. The worths are what the units are worth, whatever was given: the rest of a line is
-- shared out from them, so that any order of refunds adds up to the cent.
CREATE TABLE refund_lines (
  refund_id            text NOT NULL REFERENCES refunds,
  line_no              integer NOT NULL,
  quantity             bigint NOT NULL CHECK (quantity >= 0),
  amount_minor         bigint NOT NULL CHECK (amount_minor >= 0),
  shipping_minor       bigint NOT NULL DEFAULT 0,  -- part of the amount
  goods_worth_minor    bigint NOT NULL DEFAULT 0 CHECK (goods_worth_minor >= 0),
  shipping_worth_minor bigint NOT NULL DEFAULT 0 CHECK (shipping_worth_minor >= 0),
  CONSTRAINT refund_lines_pkey PRIMARY KEY (refund_id, line_no),
  CONSTRAINT refund_lines_check1 CHECK (quantity > 0 OR amount_minor > 0),
  CONSTRAINT refund_lines_check CHECK (shipping_minor BETWEEN 0 AND amount_minor)
);

-- Takes a refund's amount and units on its order lines, also while it waits for approval.
CREATE FUNCTION reserve_line_amount()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE order_lines l
     SET refunded_minor = l.refunded_minor + NEW.amount_minor, refunded_quantity = l.refunded_quantity + NEW.quantity,
         refunded_shipping_minor = l.refunded_shipping_minor + NEW.shipping_minor
    FROM refunds r WHERE r.refund_id = NEW.refund_id AND l.order_no = r.order_no AND l.line_no = NEW.line_no;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'a refund is for lines of its order' USING ERRCODE = 'OM004';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER refund_line_reserves_amount AFTER INSERT ON refund_lines
  FOR EACH ROW EXECUTE FUNCTION reserve_line_amount();

CREATE TRIGGER refund_lines_append_only BEFORE DELETE OR UPDATE ON refund_lines
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

CREATE CONSTRAINT TRIGGER refund_lines_whole AFTER INSERT ON refund_lines DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION check_refund_whole();

-- To which captures a refund goes back.
CREATE TABLE refund_allocations (
  refund_id    text NOT NULL REFERENCES refunds,
  payment_id   bigint NOT NULL REFERENCES payments,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  CONSTRAINT refund_allocations_pkey PRIMARY KEY (refund_id, payment_id)
);

-- Takes a refund's amount on the captures that it goes back to.
CREATE FUNCTION reserve_capture_amount()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE payment_totals t SET promised_minor = t.promised_minor + NEW.amount_minor
    FROM payments p, refunds r
   WHERE t.payment_id = NEW.payment_id AND p.payment_id = t.payment_id AND r.refund_id = NEW.refund_id
     AND p.order_no = r.order_no AND p.currency = r.currency AND p.purpose <> 'stray';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'refund_without_capture' USING ERRCODE = 'OM004';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER refund_allocation_reserves_amount AFTER INSERT ON refund_allocations
  FOR EACH ROW EXECUTE FUNCTION reserve_capture_amount();

CREATE TRIGGER refund_allocations_append_only BEFORE DELETE OR UPDATE ON refund_allocations
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

CREATE CONSTRAINT TRIGGER refund_allocations_whole AFTER INSERT ON refund_allocations DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION check_refund_whole();

-- Refunds that a dispute stopped. When the dispute is won they are open again.
CREATE TABLE refunds_overtaken (
  dispute_id bigint NOT NULL REFERENCES disputes (payment_id),
  refund_id  text NOT NULL REFERENCES refunds,
  CONSTRAINT refunds_overtaken_pkey PRIMARY KEY (dispute_id, refund_id)
);

CREATE TRIGGER refunds_overtaken_append_only BEFORE DELETE OR UPDATE ON refunds_overtaken
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

CREATE TRIGGER refunds_overtaken_not_emptied BEFORE TRUNCATE ON refunds_overtaken
  FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();

-- A refund that the provider reversed counts as failed: its room is free, and it is due again.
CREATE FUNCTION reverse_refund()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE of_refund text;
BEGIN
  UPDATE payments SET status = 'failed', updated_at = now()
   WHERE payment_id = NEW.parent_id AND order_no = NEW.order_no AND provider = NEW.provider AND kind = 'refund'
     AND status = 'succeeded' AND (amount_minor, currency) = (NEW.amount_minor, NEW.currency)
  RETURNING refund_id INTO of_refund;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'reversal_without_refund' USING ERRCODE = 'OM004';
  END IF;
  UPDATE refunds SET status = 'approved', updated_at = now() WHERE refund_id = of_refund AND status = 'succeeded';
  RETURN NULL;
END $$;

-- Refuses to pay what is not a part of an approved refund.
CREATE FUNCTION require_refund_due()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM refunds r JOIN refund_allocations p USING (refund_id)
                  WHERE r.refund_id = NEW.refund_id AND r.status IN ('approved', 'succeeded')
                    AND p.payment_id = NEW.parent_id AND p.amount_minor = NEW.amount_minor) THEN
    RAISE EXCEPTION 'refund_not_due' USING ERRCODE = 'OM004';
  END IF;
  RETURN NEW;
END $$;

-- Of tables in earlier files

ALTER TABLE order_changes ADD CONSTRAINT order_changes_refund_id_order_no_fkey FOREIGN KEY (refund_id, order_no)
  REFERENCES refunds (refund_id, order_no);
ALTER TABLE payments ADD CONSTRAINT pays_a_refund_of_its_order FOREIGN KEY (refund_id, order_no)
  REFERENCES refunds (refund_id, order_no);
CREATE TRIGGER payment_checks_refund BEFORE INSERT ON payments
  FOR EACH ROW WHEN (NEW.refund_id IS NOT NULL) EXECUTE FUNCTION require_refund_due();
CREATE TRIGGER payment_reverses_refund AFTER INSERT ON payments
  FOR EACH ROW WHEN (NEW.kind = 'refund_reversed') EXECUTE FUNCTION reverse_refund();

-- Rows

INSERT INTO refund_statuses (status) VALUES ('approved'), ('awaiting_approval'), ('overtaken'), ('refused'),
  ('succeeded');
INSERT INTO refund_transitions (from_status, to_status) VALUES ('approved', 'overtaken'), ('approved', 'succeeded'),
  ('awaiting_approval', 'approved'), ('awaiting_approval', 'overtaken'), ('awaiting_approval', 'refused'),
  ('overtaken', 'approved'), ('overtaken', 'awaiting_approval'), ('succeeded', 'approved');

-- Rights

GRANT SELECT ON refund_allocations, refund_lines, refund_statuses, refund_transitions, refunds, refunds_overtaken
  TO oms_app;
GRANT INSERT (amount_minor, payment_id, refund_id) ON refund_allocations TO oms_app;
GRANT INSERT (amount_minor, goods_worth_minor, line_no, quantity, refund_id, shipping_minor, shipping_worth_minor)
  ON refund_lines TO oms_app;
GRANT INSERT (amount_minor, approval_id, asked_by, currency, goods_minor, order_no, origin, reason_enc, refund_id,
  return_id, shipping_minor, status) ON refunds TO oms_app;
GRANT UPDATE (status, updated_at) ON refunds TO oms_app;
GRANT INSERT (dispute_id, refund_id) ON refunds_overtaken TO oms_app;
REVOKE EXECUTE ON FUNCTION begin_refund(), check_refund_whole(), guard_refund(), release_refund_amount(),
  require_refund_due(), reserve_capture_amount(), reserve_line_amount(), reserve_refund_amount_again(),
  reverse_refund(), signal_for_refund() FROM PUBLIC;
