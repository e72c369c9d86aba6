-- When the money of an order is captured: all of it before it ships, or of each fulfilment its share when that ships.
ALTER TABLE orders ADD COLUMN capture text NOT NULL DEFAULT 'order';
ALTER TABLE orders ADD CONSTRAINT orders_capture CHECK (capture IN ('order', 'shipment')) NOT VALID;
GRANT UPDATE (capture) ON orders TO oms_app;
INSERT INTO order_transitions (from_status, event, to_status) VALUES ('pending_payment', 'capture_deferred', 'paid');

-- The fulfilment whose share a capture takes.
ALTER TABLE payments ADD COLUMN fulfilment_no integer;
ALTER TABLE payments ADD CONSTRAINT capture_of_a_fulfilment
  CHECK (fulfilment_no IS NULL OR kind = 'capture' AND purpose IN ('order', 'stray')) NOT VALID;
ALTER TABLE payments ADD CONSTRAINT capture_of_its_fulfilment
  FOREIGN KEY (order_no, fulfilment_no) REFERENCES fulfilments (order_no, number) NOT VALID;
GRANT INSERT (fulfilment_no) ON payments TO oms_app;

-- What is captured of which line with a fulfilment, frozen before its provider is asked. Append-only.
CREATE TABLE capture_lines (
  order_no       text NOT NULL,
  fulfilment_no  integer NOT NULL,
  line_no        integer NOT NULL,
  quantity       bigint NOT NULL CHECK (quantity >= 0),
  goods_minor    bigint NOT NULL CHECK (goods_minor >= 0),
  shipping_minor bigint NOT NULL CHECK (shipping_minor >= 0),
  PRIMARY KEY (order_no, fulfilment_no, line_no),
  FOREIGN KEY (order_no, fulfilment_no) REFERENCES fulfilments (order_no, number),
  FOREIGN KEY (order_no, line_no) REFERENCES order_lines (order_no, line_no)
);
CREATE TRIGGER capture_lines_append_only BEFORE DELETE OR UPDATE ON capture_lines
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- All fulfilments together take of a line what was paid for it, and its units, at most.
CREATE FUNCTION check_captured_line() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM FROM order_lines WHERE order_no = NEW.order_no AND line_no = NEW.line_no FOR UPDATE;
  IF EXISTS (SELECT FROM order_lines l JOIN capture_lines c USING (order_no, line_no)
              WHERE l.order_no = NEW.order_no AND l.line_no = NEW.line_no
              GROUP BY l.order_no, l.line_no
             HAVING sum(c.quantity) > l.quantity OR sum(c.shipping_minor) > l.shipping_minor
                 OR sum(c.goods_minor) > l.paid_minor - l.shipping_minor) THEN
    RAISE EXCEPTION 'more of a line is to be captured than it costs' USING ERRCODE = 'OM004';
  END IF;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION check_captured_line() FROM PUBLIC;
CREATE TRIGGER captured_within_line AFTER INSERT ON capture_lines
  FOR EACH ROW EXECUTE FUNCTION check_captured_line();

-- Sums of an authorisation that is captured in several parts. Stored for their constraint only.
CREATE TABLE authorisation_totals (
  payment_id       bigint PRIMARY KEY REFERENCES payments,  -- the authorisation
  authorised_minor bigint NOT NULL CHECK (authorised_minor > 0),
  captured_minor   bigint NOT NULL DEFAULT 0 CHECK (captured_minor >= 0),
  released_minor   bigint NOT NULL DEFAULT 0 CHECK (released_minor >= 0),
  CONSTRAINT captures_within_authorisation CHECK (captured_minor + released_minor <= authorised_minor)
);

-- A capture takes its room at the intent, so that two cannot take the same money; so does the void of the rest.
CREATE FUNCTION count_capture() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  taken bigint := CASE WHEN NEW.status = 'failed' THEN 0 ELSE NEW.amount_minor END
                - CASE WHEN TG_OP = 'INSERT' OR OLD.status = 'failed' THEN 0 ELSE NEW.amount_minor END;
BEGIN
  IF taken = 0 THEN
    RETURN NULL;
  END IF;
  IF NEW.kind = 'void' THEN
    UPDATE authorisation_totals SET released_minor = released_minor + taken WHERE payment_id = NEW.parent_id;
    RETURN NULL;
  END IF;
  INSERT INTO authorisation_totals (payment_id, authorised_minor)
  SELECT a.payment_id, a.amount_minor FROM payments a
   WHERE a.payment_id = NEW.parent_id AND a.kind = 'authorise' AND a.status = 'succeeded'
  ON CONFLICT (payment_id) DO NOTHING;
  UPDATE authorisation_totals SET captured_minor = captured_minor + taken WHERE payment_id = NEW.parent_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'capture_without_authorisation' USING ERRCODE = 'OM004';
  END IF;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION count_capture() FROM PUBLIC;
CREATE TRIGGER part_capture_counts AFTER INSERT OR UPDATE OF status ON payments
  FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL AND NEW.provider <> 'manual'
    AND (NEW.fulfilment_no IS NOT NULL OR NEW.kind = 'void'))
  EXECUTE FUNCTION count_capture();

-- Minor units of an authorisation that are neither captured with a fulfilment nor released.
CREATE FUNCTION authorised_left_minor(asked_payment_id bigint, whole_minor bigint) RETURNS bigint
  LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce((SELECT t.authorised_minor - t.captured_minor - t.released_minor FROM authorisation_totals t
                    WHERE t.payment_id = asked_payment_id), whole_minor)
$$;
REVOKE EXECUTE ON FUNCTION authorised_left_minor(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION authorised_left_minor(bigint, bigint) TO oms_app;

-- What has left is captured, hold or no hold.
CREATE OR REPLACE TRIGGER payment_checks_holds BEFORE INSERT ON payments
  FOR EACH ROW WHEN (NEW.status = 'intent' AND NEW.kind IN ('authorise', 'capture') AND NEW.purpose = 'order'
    AND NEW.renews IS NULL AND NEW.fulfilment_no IS NULL)
  EXECUTE FUNCTION skip_while_on_hold();

CREATE OR REPLACE FUNCTION guard_payment() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.status = 'succeeded' AND NEW.status <> 'succeeded'
       AND NOT (OLD.kind = 'refund' AND NEW.status = 'failed' AND is_reversed(OLD.payment_id, OLD.order_no))
     OR OLD.status <> 'succeeded' AND NEW.status = 'succeeded' AND OLD.kind = 'refund'
       AND is_reversed(OLD.payment_id, OLD.order_no)
     OR NEW.amount_minor <> OLD.amount_minor OR NEW.kind <> OLD.kind OR NEW.order_no <> OLD.order_no
     OR NEW.currency <> OLD.currency OR NEW.idempotency_key <> OLD.idempotency_key
     OR NEW.provider <> OLD.provider OR NEW.parent_id IS DISTINCT FROM OLD.parent_id
     OR NEW.refund_id IS DISTINCT FROM OLD.refund_id OR NEW.renews IS DISTINCT FROM OLD.renews
     OR NEW.change_payment_no IS DISTINCT FROM OLD.change_payment_no
     OR NEW.guarantee_return_id IS DISTINCT FROM OLD.guarantee_return_id
     OR NEW.fulfilment_no IS DISTINCT FROM OLD.fulfilment_no
     OR OLD.status = 'succeeded' AND NEW.provider_ref IS DISTINCT FROM OLD.provider_ref THEN
    RAISE EXCEPTION 'a payment''s facts do not change' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

GRANT SELECT ON authorisation_totals, capture_lines TO oms_app;
GRANT INSERT (fulfilment_no, goods_minor, line_no, order_no, quantity, shipping_minor) ON capture_lines TO oms_app;
