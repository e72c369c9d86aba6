-- What each line was really sold for, frozen at placement; and refunds: promised, approved, paid, never above either.

-- ── shares ──────────────────────────────────────────────────────────────────────────────────────────────────
ALTER TABLE orders
  ADD COLUMN discount_minor  bigint NOT NULL DEFAULT 0 CHECK (discount_minor >= 0),
  ADD COLUMN tax_minor       bigint NOT NULL DEFAULT 0 CHECK (tax_minor >= 0),
  ADD COLUMN tax_added_minor bigint NOT NULL DEFAULT 0 CHECK (tax_added_minor IN (0, tax_minor)),  -- 0: prices hold it
  DROP CONSTRAINT order_total,
  ADD CONSTRAINT order_total CHECK (total_minor = items_minor - discount_minor + shipping_minor + tax_added_minor
                                    AND discount_minor <= items_minor);

ALTER TABLE order_lines
  ADD COLUMN discount_minor  bigint NOT NULL DEFAULT 0 CHECK (discount_minor >= 0),
  ADD COLUMN shipping_minor  bigint NOT NULL DEFAULT 0 CHECK (shipping_minor >= 0),
  ADD COLUMN tax_minor       bigint NOT NULL DEFAULT 0 CHECK (tax_minor >= 0),
  ADD COLUMN tax_added_minor bigint NOT NULL DEFAULT 0 CHECK (tax_added_minor IN (0, tax_minor)),
  ADD COLUMN paid_minor      bigint NOT NULL
    GENERATED ALWAYS AS (quantity * unit_price_minor - discount_minor + shipping_minor + tax_added_minor) STORED,
  -- Given back or promised so; moved by refund_lines alone.
  ADD COLUMN refunded_minor          bigint NOT NULL DEFAULT 0,
  ADD COLUMN refunded_shipping_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN refunded_quantity       bigint NOT NULL DEFAULT 0,
  ADD CONSTRAINT line_discount_within_value CHECK (discount_minor <= quantity * unit_price_minor),
  ADD CONSTRAINT line_refund_within_paid CHECK (refunded_minor BETWEEN 0 AND paid_minor
    AND refunded_shipping_minor BETWEEN 0 AND shipping_minor
    AND refunded_minor - refunded_shipping_minor BETWEEN 0 AND paid_minor - shipping_minor),
  ADD CONSTRAINT line_refund_within_quantity CHECK (refunded_quantity BETWEEN 0 AND quantity);
REVOKE INSERT ON order_lines FROM oms_app;
GRANT INSERT (order_no, line_no, sku, name, quantity, unit_price_minor, discount_minor, shipping_minor, tax_minor,
              tax_added_minor) ON order_lines TO oms_app;

-- ── refunds ─────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE refund_statuses (status text PRIMARY KEY);
CREATE TABLE refund_moves (
  from_status  text NOT NULL REFERENCES refund_statuses,
  to_status    text NOT NULL REFERENCES refund_statuses,
  PRIMARY KEY (from_status, to_status)
);

CREATE TABLE refunds (
  refund_id       text PRIMARY KEY CHECK (length(refund_id) BETWEEN 4 AND 64),
  order_no        text NOT NULL REFERENCES orders,
  refund_no       integer NOT NULL DEFAULT 1 CHECK (refund_no > 0),   -- numbered by the trigger below
  origin          text NOT NULL CHECK (origin IN ('support', 'return', 'amendment', 'exchange')),
  return_id       text,
  amount_minor    bigint NOT NULL CHECK (amount_minor > 0),
  goods_minor     bigint NOT NULL CHECK (goods_minor >= 0),
  shipping_minor  bigint NOT NULL CHECK (shipping_minor >= 0),
  currency        char(3) NOT NULL,
  status          text NOT NULL REFERENCES refund_statuses,
  asked_by        text NOT NULL,
  reason_enc      bytea NOT NULL,
  approval_id     text UNIQUE REFERENCES approvals,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  UNIQUE (order_no, refund_no),
  UNIQUE (refund_id, order_no),
  CHECK (amount_minor = goods_minor + shipping_minor),
  CHECK ((origin = 'return') = (return_id IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX refunds_due ON refunds (order_no, refund_no) WHERE status = 'approved';
CREATE INDEX refunds_waiting ON refunds (order_no) WHERE status = 'awaiting_approval';
CREATE INDEX refunds_return ON refunds (return_id) WHERE return_id IS NOT NULL;

-- Which lines it is for. The worths are what the units are worth whatever was given: what is still to come of a line is
-- shared out from them, so that any order of refunds adds up to the cent.
CREATE TABLE refund_lines (
  refund_id             text NOT NULL REFERENCES refunds,
  line_no               integer NOT NULL,
  quantity              bigint NOT NULL CHECK (quantity >= 0),
  amount_minor          bigint NOT NULL CHECK (amount_minor >= 0),
  shipping_minor        bigint NOT NULL DEFAULT 0 CHECK (shipping_minor BETWEEN 0 AND amount_minor),  -- of the amount
  goods_worth_minor     bigint NOT NULL DEFAULT 0 CHECK (goods_worth_minor >= 0),
  shipping_worth_minor  bigint NOT NULL DEFAULT 0 CHECK (shipping_worth_minor >= 0),
  PRIMARY KEY (refund_id, line_no),
  CHECK (quantity > 0 OR amount_minor > 0)
);

CREATE TABLE refund_parts (                -- which captures it goes back to
  refund_id     text NOT NULL REFERENCES refunds,
  payment_id    bigint NOT NULL REFERENCES payments,
  amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
  PRIMARY KEY (refund_id, payment_id)
);

ALTER TABLE payments ADD COLUMN refund_id text,
  ADD CONSTRAINT pays_a_refund_of_its_order FOREIGN KEY (refund_id, order_no) REFERENCES refunds (refund_id, order_no),
  ADD CONSTRAINT only_refunds_pay_refunds CHECK (refund_id IS NULL OR kind = 'refund');
-- Nobody is paid back twice for the same: one live transaction for each part.
CREATE UNIQUE INDEX payments_one_refund_part ON payments (refund_id, parent_id)
  WHERE refund_id IS NOT NULL AND status <> 'failed';

ALTER TABLE payment_totals
  ADD COLUMN promised_minor bigint NOT NULL DEFAULT 0 CHECK (promised_minor >= 0),
  DROP CONSTRAINT refunds_within_capture,
  ADD CONSTRAINT refunds_within_capture CHECK (refunded_minor + promised_minor <= captured_minor);

-- A refund begins on an order that keeps its money. The order's row is taken first: of two at once one sees the other.
CREATE FUNCTION begin_refund() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
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

CREATE FUNCTION guard_refund() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF (to_jsonb(NEW) - 'status' - 'updated_at') <> (to_jsonb(OLD) - 'status' - 'updated_at') THEN
    RAISE EXCEPTION 'a refund''s facts do not change' USING ERRCODE = 'OM003';
  END IF;
  IF NEW.status = OLD.status THEN
    RETURN NEW;
  END IF;
  IF NOT EXISTS (SELECT FROM refund_moves m WHERE m.from_status = OLD.status AND m.to_status = NEW.status) THEN
    RAISE EXCEPTION 'illegal_transition' USING ERRCODE = 'OM002',
      DETAIL = 'a refund that is ' || OLD.status || ' does not become ' || NEW.status;
  END IF;
  IF (CASE NEW.status
        WHEN 'approved' THEN EXISTS (SELECT FROM approvals a
               WHERE a.approval_id = NEW.approval_id AND a.decision = 'approved')
        WHEN 'refused' THEN EXISTS (SELECT FROM approvals a
               WHERE a.approval_id = NEW.approval_id AND (a.decision = 'refused' OR a.expires_at <= now()))
        WHEN 'overtaken' THEN EXISTS (SELECT FROM orders o WHERE o.order_no = NEW.order_no AND o.cancelling IS NOT NULL)
        WHEN 'succeeded' THEN NOT EXISTS (SELECT FROM refund_parts p WHERE p.refund_id = NEW.refund_id AND NOT EXISTS (
               SELECT FROM payments m WHERE m.refund_id = p.refund_id AND m.parent_id = p.payment_id
                  AND m.status = 'succeeded' AND m.amount_minor = p.amount_minor))
      END) IS NOT TRUE THEN
    RAISE EXCEPTION 'refund_not_%', NEW.status USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refund_guard BEFORE UPDATE ON refunds FOR EACH ROW EXECUTE FUNCTION guard_refund();

-- Room is taken when it is opened, also while it waits for a second person, on the lines and on the captures.
CREATE FUNCTION take_line_room() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
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
CREATE TRIGGER refund_line_takes_room AFTER INSERT ON refund_lines FOR EACH ROW EXECUTE FUNCTION take_line_room();

CREATE FUNCTION take_capture_room() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
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
CREATE TRIGGER refund_part_takes_room AFTER INSERT ON refund_parts FOR EACH ROW EXECUTE FUNCTION take_capture_room();

-- Its lines and its parts are all of it, when the transaction ends and ever after.
CREATE FUNCTION check_refund_whole() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  whole refunds%ROWTYPE;
  named bigint;
  shipping bigint;
  parts bigint;
BEGIN
  SELECT * INTO whole FROM refunds WHERE refund_id = NEW.refund_id;
  SELECT sum(amount_minor), sum(shipping_minor) INTO named, shipping FROM refund_lines WHERE refund_id = NEW.refund_id;
  SELECT sum(amount_minor) INTO parts FROM refund_parts WHERE refund_id = NEW.refund_id;
  IF (named, shipping, parts) IS DISTINCT FROM (whole.amount_minor, whole.shipping_minor, whole.amount_minor) THEN
    RAISE EXCEPTION 'a refund is the sum of its lines and of its parts' USING ERRCODE = 'OM004';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER refund_whole AFTER INSERT ON refunds DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION check_refund_whole();
CREATE CONSTRAINT TRIGGER refund_lines_whole AFTER INSERT ON refund_lines DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION check_refund_whole();
CREATE CONSTRAINT TRIGGER refund_parts_whole AFTER INSERT ON refund_parts DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION check_refund_whole();
CREATE TRIGGER refund_lines_append_only BEFORE UPDATE OR DELETE ON refund_lines
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER refund_parts_append_only BEFORE UPDATE OR DELETE ON refund_parts
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- What will not be paid frees its room. Nothing of it is on its way: only what is approved is paid.
CREATE FUNCTION free_refund_room() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  UPDATE payment_totals t SET promised_minor = t.promised_minor - p.amount_minor
    FROM refund_parts p WHERE p.refund_id = NEW.refund_id AND t.payment_id = p.payment_id;
  UPDATE order_lines l
     SET refunded_minor = l.refunded_minor - n.amount_minor, refunded_quantity = l.refunded_quantity - n.quantity,
         refunded_shipping_minor = l.refunded_shipping_minor - n.shipping_minor
    FROM refund_lines n WHERE n.refund_id = NEW.refund_id AND l.order_no = NEW.order_no AND l.line_no = n.line_no;
  RETURN NULL;
END $$;
CREATE TRIGGER refund_frees_room AFTER UPDATE OF status ON refunds FOR EACH ROW
  WHEN (OLD.status <> NEW.status AND NEW.status IN ('refused', 'overtaken')) EXECUTE FUNCTION free_refund_room();

-- A refund that may be paid wakes its order; a workflow that has closed begins a new run from the books.
CREATE FUNCTION wake_for_refund() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO workflow_requests (kind, subject, name, payload)
  VALUES ('signal_order', NEW.order_no, 'after_sales', jsonb_build_object('refund_id', NEW.refund_id));
  RETURN NULL;
END $$;
CREATE TRIGGER refund_opened_wakes AFTER INSERT ON refunds FOR EACH ROW WHEN (NEW.status = 'approved')
  EXECUTE FUNCTION wake_for_refund();
CREATE TRIGGER refund_approved_wakes AFTER UPDATE OF status ON refunds FOR EACH ROW
  WHEN (OLD.status <> NEW.status AND NEW.status = 'approved') EXECUTE FUNCTION wake_for_refund();

-- The intent to pay a part of a refund: only of one that may be paid, and just that part.
CREATE FUNCTION heed_refund() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM refunds r JOIN refund_parts p USING (refund_id)
                  WHERE r.refund_id = NEW.refund_id AND r.status IN ('approved', 'succeeded')
                    AND p.payment_id = NEW.parent_id AND p.amount_minor = NEW.amount_minor) THEN
    RAISE EXCEPTION 'refund_not_due' USING ERRCODE = 'OM004';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payment_heeds_refund BEFORE INSERT ON payments FOR EACH ROW WHEN (NEW.refund_id IS NOT NULL)
  EXECUTE FUNCTION heed_refund();

CREATE OR REPLACE FUNCTION post_payment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE promised bigint := CASE WHEN NEW.refund_id IS NULL THEN 0 ELSE NEW.amount_minor END;
BEGIN
  IF NEW.kind = 'refund' AND NEW.status <> 'failed' AND (TG_OP = 'INSERT' OR OLD.status = 'failed') THEN
    -- Room is taken when the refund is meant, so two refunds of the last cent cannot both be sent. What was promised
    -- before takes its promise's room.
    UPDATE payment_totals
       SET refunded_minor = refunded_minor + NEW.amount_minor, promised_minor = promised_minor - promised
     WHERE payment_id = NEW.parent_id;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'refund_without_capture' USING ERRCODE = 'OM004';
    END IF;
  ELSIF NEW.kind = 'refund' AND TG_OP = 'UPDATE' AND NEW.status = 'failed' AND OLD.status <> 'failed' THEN
    UPDATE payment_totals
       SET refunded_minor = refunded_minor - NEW.amount_minor, promised_minor = promised_minor + promised
     WHERE payment_id = NEW.parent_id;
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

CREATE OR REPLACE FUNCTION guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status = 'succeeded' AND NEW.status <> 'succeeded'
     OR NEW.amount_minor <> OLD.amount_minor OR NEW.kind <> OLD.kind OR NEW.order_no <> OLD.order_no
     OR NEW.currency <> OLD.currency OR NEW.idempotency_key <> OLD.idempotency_key
     OR NEW.provider <> OLD.provider OR NEW.parent_id IS DISTINCT FROM OLD.parent_id
     OR NEW.refund_id IS DISTINCT FROM OLD.refund_id
     OR OLD.status = 'succeeded' AND NEW.provider_ref IS DISTINCT FROM OLD.provider_ref THEN
    RAISE EXCEPTION 'a payment''s facts do not change' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

-- A refund above the limit waits for a second person as other acts do.
ALTER TABLE approvals DROP CONSTRAINT approvals_kind_check,
  ADD CONSTRAINT approvals_kind_check CHECK (kind IN ('resolve', 'bulk', 'adjust', 'refund'));

-- Skipping a stuck refund records money that somebody moved by hand.
CREATE OR REPLACE FUNCTION moved_minor(asked_order_no text, step text, action text, amount_minor bigint) RETURNS bigint
  STABLE LANGUAGE sql SET search_path = public AS $$
  SELECT CASE WHEN action = 'compensate' THEN coalesce((SELECT sum(t.captured_minor - t.refunded_minor)
                FROM payments p JOIN payment_totals t USING (payment_id) WHERE p.order_no = asked_order_no), 0)::bigint
              WHEN action = 'skip' AND step IN ('capture', 'return_payment', 'refund') THEN amount_minor
              ELSE 0 END
$$;

GRANT SELECT ON refunds, refund_lines, refund_parts, refund_statuses, refund_moves TO oms_app;
GRANT INSERT (refund_id, order_no, origin, return_id, amount_minor, goods_minor, shipping_minor, currency, status,
              asked_by, reason_enc, approval_id) ON refunds TO oms_app;
GRANT UPDATE (status, updated_at) ON refunds TO oms_app;
GRANT INSERT ON refund_lines, refund_parts TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION moved_minor, head_start_s TO oms_app;
