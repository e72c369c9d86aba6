-- What was done at the provider without us: refunds, voids, captures and disputes of its dashboard are facts of the books.

-- ── disputes ────────────────────────────────────────────────────────────────────────────────────────────────
ALTER TABLE payments DROP CONSTRAINT payments_kind_check,
  ADD CONSTRAINT payments_kind_check CHECK (kind IN ('authorise', 'capture', 'void', 'refund', 'dispute', 'dispute_won')),
  -- Nobody asks a provider for a dispute: it is told, of a capture.
  ADD CONSTRAINT disputes_are_told CHECK (kind NOT IN ('dispute', 'dispute_won')
    OR (status = 'succeeded' AND parent_id IS NOT NULL));

CREATE TABLE disputes (
  payment_id  bigint PRIMARY KEY,          -- of kind dispute: what the provider took back
  order_no    text NOT NULL,
  reason      text NOT NULL CHECK (length(reason) BETWEEN 1 AND 100),   -- the provider's code
  status      text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'won', 'lost')),
  opened_at   timestamptz NOT NULL DEFAULT now(),
  closed_at   timestamptz,
  CHECK ((status = 'open') = (closed_at IS NULL)),
  CONSTRAINT dispute_of_its_order FOREIGN KEY (payment_id, order_no) REFERENCES payments (payment_id, order_no)
);
CREATE INDEX disputes_open ON disputes (opened_at) WHERE status = 'open';
CREATE INDEX disputes_order ON disputes (order_no);

CREATE FUNCTION guard_dispute() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.status <> 'open' OR (to_jsonb(NEW) - 'status' - 'closed_at') <> (to_jsonb(OLD) - 'status' - 'closed_at') THEN
    RAISE EXCEPTION 'a dispute ends once, and its facts do not change' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER dispute_guard BEFORE UPDATE ON disputes FOR EACH ROW EXECUTE FUNCTION guard_dispute();

-- What is disputed cannot be refunded as well; what was won can.
ALTER TABLE payment_totals
  ADD COLUMN disputed_minor bigint NOT NULL DEFAULT 0 CHECK (disputed_minor >= 0),
  DROP CONSTRAINT refunds_within_capture,
  ADD CONSTRAINT refunds_within_capture CHECK (refunded_minor + promised_minor + disputed_minor <= captured_minor);

CREATE FUNCTION post_dispute() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE payment_totals
     SET disputed_minor = disputed_minor + CASE NEW.kind WHEN 'dispute' THEN NEW.amount_minor ELSE -NEW.amount_minor END
   WHERE payment_id = NEW.parent_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'dispute_without_capture' USING ERRCODE = 'OM004';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER payment_posts_dispute AFTER INSERT ON payments FOR EACH ROW
  WHEN (NEW.kind IN ('dispute', 'dispute_won')) EXECUTE FUNCTION post_dispute();

-- What of a capture is no longer ours: refunded, or taken back by its provider.
CREATE FUNCTION given_back_minor(of_order text, capture bigint) RETURNS bigint STABLE LANGUAGE sql
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce(sum(CASE p.kind WHEN 'dispute_won' THEN -p.amount_minor ELSE p.amount_minor END), 0)::bigint
    FROM payments p WHERE p.order_no = of_order AND p.parent_id = capture AND p.status = 'succeeded'
     AND p.kind IN ('refund', 'dispute', 'dispute_won')
$$;

-- As before; money that the provider took back is not ours to return.
CREATE OR REPLACE FUNCTION apply_order_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
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

CREATE OR REPLACE FUNCTION moved_minor(asked_order_no text, step text, action text, amount_minor bigint) RETURNS bigint
  STABLE LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE WHEN action = 'compensate' THEN coalesce((SELECT sum(t.captured_minor - t.refunded_minor - t.disputed_minor)
                FROM payments p JOIN payment_totals t USING (payment_id) WHERE p.order_no = asked_order_no), 0)::bigint
              WHEN action = 'skip' AND step IN ('capture', 'return_payment', 'refund') THEN amount_minor
              ELSE 0 END
$$;

-- ── refunds of the provider's own ───────────────────────────────────────────────────────────────────────────
ALTER TABLE refunds DROP CONSTRAINT refunds_origin_check,
  ADD CONSTRAINT refunds_origin_check CHECK (origin IN ('support', 'return', 'amendment', 'exchange', 'provider'));

-- A refund that is decided and not yet paid yields where a fact of the provider leaves no room for it; otherwise only
-- to a cancellation, as before.
CREATE OR REPLACE FUNCTION guard_refund() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
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
        WHEN 'overtaken' THEN NOT EXISTS (SELECT FROM payments p WHERE p.refund_id = NEW.refund_id AND p.status <> 'failed')
               AND ((OLD.status = 'awaiting_approval' AND EXISTS (
                      SELECT FROM orders o WHERE o.order_no = NEW.order_no AND o.cancelling IS NOT NULL))
                 OR EXISTS (SELECT FROM inbox i WHERE i.order_no = NEW.order_no AND i.kind = 'payment'
                               AND i.processed_at IS NULL AND i.fact ->> 'kind' IN ('refund', 'dispute')))
        WHEN 'succeeded' THEN NOT EXISTS (SELECT FROM refund_parts p WHERE p.refund_id = NEW.refund_id AND NOT EXISTS (
               SELECT FROM payments m WHERE m.refund_id = p.refund_id AND m.parent_id = p.payment_id
                  AND m.status = 'succeeded' AND m.amount_minor = p.amount_minor))
      END) IS NOT TRUE THEN
    RAISE EXCEPTION 'refund_not_%', NEW.status USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

-- ── facts that come too early ───────────────────────────────────────────────────────────────────────────────
-- A refund may be told before the capture that it gives back, a void before its authorisation, and a dashboard's refund
-- names no order at all: they wait until what they are about is in the books.
CREATE INDEX inbox_early ON inbox (provider, (fact ->> 'parent_ref'))
  WHERE kind = 'payment' AND (order_no IS NULL OR outcome = 'early');

CREATE FUNCTION hear_early_facts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  WITH heard AS (
    UPDATE inbox SET processed_at = NULL, outcome = NULL, order_no = NEW.order_no
     WHERE kind = 'payment' AND (order_no IS NULL OR outcome = 'early')
       AND provider = NEW.provider AND fact ->> 'parent_ref' = NEW.provider_ref
       AND coalesce(order_no, NEW.order_no) = NEW.order_no
    RETURNING inbox_id)
  INSERT INTO workflow_requests (kind, subject, name, payload)
  SELECT 'signal_order', NEW.order_no, 'payment_notified', jsonb_build_object('inbox_id', inbox_id) FROM heard;
  RETURN NULL;
END $$;
CREATE TRIGGER payment_hears_early_facts AFTER INSERT OR UPDATE OF status ON payments FOR EACH ROW
  WHEN (NEW.status = 'succeeded' AND NEW.kind IN ('authorise', 'capture')) EXECUTE FUNCTION hear_early_facts();

GRANT SELECT, INSERT (payment_id, order_no, reason), UPDATE (status, closed_at) ON disputes TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION given_back_minor, moved_minor TO oms_app;
