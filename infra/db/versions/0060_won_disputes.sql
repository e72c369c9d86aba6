-- A refund that gave way to a dispute is open again when the dispute is won: the money that it was for is there again.
CREATE TABLE refunds_overtaken (
  dispute_id  bigint NOT NULL REFERENCES disputes,
  refund_id   text NOT NULL REFERENCES refunds,
  PRIMARY KEY (dispute_id, refund_id)
);
CREATE TRIGGER refunds_overtaken_append_only BEFORE UPDATE OR DELETE ON refunds_overtaken
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER refunds_overtaken_not_emptied BEFORE TRUNCATE ON refunds_overtaken
  FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();
INSERT INTO refund_moves (from_status, to_status) VALUES ('overtaken', 'approved'), ('overtaken', 'awaiting_approval')
  ON CONFLICT DO NOTHING;

-- As before, and one that was overtaken by a dispute that is won now stands where it stood.
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

-- It takes its room again, and constraints refuse what has none left. What waited for a second person has its whole time.
CREATE FUNCTION reopen_refund() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE payment_totals t SET promised_minor = t.promised_minor + p.amount_minor
    FROM refund_parts p WHERE p.refund_id = NEW.refund_id AND t.payment_id = p.payment_id;
  UPDATE order_lines l
     SET refunded_minor = l.refunded_minor + n.amount_minor, refunded_quantity = l.refunded_quantity + n.quantity,
         refunded_shipping_minor = l.refunded_shipping_minor + n.shipping_minor
    FROM refund_lines n WHERE n.refund_id = NEW.refund_id AND l.order_no = NEW.order_no AND l.line_no = n.line_no;
  UPDATE approvals a SET expires_at = now() + (a.expires_at - a.asked_at)
   WHERE a.approval_id = NEW.approval_id AND a.decision IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER refund_takes_room_again AFTER UPDATE OF status ON refunds FOR EACH ROW
  WHEN (OLD.status = 'overtaken') EXECUTE FUNCTION reopen_refund();

-- As before: a return hears how its refund ended.
CREATE OR REPLACE TRIGGER refund_wakes_return AFTER UPDATE OF status ON refunds FOR EACH ROW
  WHEN (NEW.return_id IS NOT NULL AND OLD.status <> NEW.status AND NEW.status NOT IN ('approved', 'awaiting_approval'))
  EXECUTE FUNCTION wake_return_of_refund();

GRANT SELECT, INSERT (dispute_id, refund_id) ON refunds_overtaken TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
