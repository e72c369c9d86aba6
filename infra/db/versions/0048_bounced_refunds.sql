-- A refund that its provider takes back after it had succeeded: the money is ours again, and the refund is open again.
ALTER TABLE payments
  DROP CONSTRAINT payments_kind_check,
  ADD CONSTRAINT payments_kind_check CHECK (kind IN
    ('authorise', 'capture', 'void', 'refund', 'dispute', 'dispute_won', 'refund_reversed')) NOT VALID,
  -- Nobody asks a provider for it: it is told, of a refund.
  ADD CONSTRAINT reversals_are_told CHECK (kind <> 'refund_reversed'
    OR (status = 'succeeded' AND parent_id IS NOT NULL)) NOT VALID;
INSERT INTO posting_rules (kind, debit, credit) VALUES ('refund_reversed', 'receivable:{provider}', 'customer_funds')
  ON CONFLICT DO NOTHING;
INSERT INTO refund_moves (from_status, to_status) VALUES ('succeeded', 'approved') ON CONFLICT DO NOTHING;

CREATE FUNCTION is_reversed(refund_payment bigint, of_order text) RETURNS boolean STABLE LANGUAGE sql
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM payments v WHERE v.order_no = of_order AND v.parent_id = refund_payment
                    AND v.kind = 'refund_reversed')
$$;

-- The whole refund, once: it counts as failed from now on, which frees its room, and its promise stands again.
CREATE FUNCTION reverse_refund() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
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
CREATE TRIGGER payment_reverses_refund AFTER INSERT ON payments FOR EACH ROW
  WHEN (NEW.kind = 'refund_reversed') EXECUTE FUNCTION reverse_refund();

-- As before, and a refund whose reversal is in the books has not succeeded.
CREATE OR REPLACE FUNCTION guard_payment() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.status = 'succeeded' AND NEW.status <> 'succeeded'
       AND NOT (OLD.kind = 'refund' AND NEW.status = 'failed' AND is_reversed(OLD.payment_id, OLD.order_no))
     OR OLD.status <> 'succeeded' AND NEW.status = 'succeeded' AND OLD.kind = 'refund'
       AND is_reversed(OLD.payment_id, OLD.order_no)
     OR NEW.amount_minor <> OLD.amount_minor OR NEW.kind <> OLD.kind OR NEW.order_no <> OLD.order_no
     OR NEW.currency <> OLD.currency OR NEW.idempotency_key <> OLD.idempotency_key
     OR NEW.provider <> OLD.provider OR NEW.parent_id IS DISTINCT FROM OLD.parent_id
     OR NEW.refund_id IS DISTINCT FROM OLD.refund_id
     OR OLD.status = 'succeeded' AND NEW.provider_ref IS DISTINCT FROM OLD.provider_ref THEN
    RAISE EXCEPTION 'a payment''s facts do not change' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

-- As before, and one that was paid is to be paid again when a part of it came back.
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
        WHEN 'approved' THEN CASE OLD.status
               WHEN 'succeeded' THEN EXISTS (SELECT FROM payments m WHERE m.order_no = NEW.order_no
                      AND m.refund_id = NEW.refund_id AND is_reversed(m.payment_id, m.order_no))
                  AND EXISTS (SELECT FROM refund_parts p WHERE p.refund_id = NEW.refund_id AND NOT EXISTS (
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
        WHEN 'succeeded' THEN NOT EXISTS (SELECT FROM refund_parts p WHERE p.refund_id = NEW.refund_id AND NOT EXISTS (
               SELECT FROM payments m WHERE m.refund_id = p.refund_id AND m.parent_id = p.payment_id
                  AND m.status = 'succeeded' AND m.amount_minor = p.amount_minor))
      END) IS NOT TRUE THEN
    RAISE EXCEPTION 'refund_not_%', NEW.status USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_reversed TO oms_app;
