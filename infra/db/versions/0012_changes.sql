-- Orders that are changed after placing: who changed what, and how lines, total and stock follow, all or nothing.

-- Units of a paid line that will not be sent; what the line was sold for stays frozen, its refund says what came back.
-- A line that is not paid yet is taken down in place, down to nothing: there is nothing of it to give back.
ALTER TABLE order_lines
  ADD COLUMN cancelled_quantity bigint NOT NULL DEFAULT 0,
  ADD COLUMN taken_down boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT line_cancelled_within_quantity CHECK (cancelled_quantity BETWEEN 0 AND quantity),
  -- What was never sent cannot come back.
  DROP CONSTRAINT line_returns_within_delivered,
  ADD CONSTRAINT line_returns_within_delivered CHECK (returned_quantity BETWEEN 0 AND quantity - cancelled_quantity),
  DROP CONSTRAINT order_lines_quantity_check,
  ADD CONSTRAINT order_lines_quantity_check
    CHECK (quantity BETWEEN CASE WHEN taken_down THEN 0 ELSE 1 END AND 1000000);

CREATE TABLE order_changes (
  order_no            text NOT NULL REFERENCES orders,
  change_no           integer NOT NULL CHECK (change_no > 0),
  what                text[] NOT NULL CHECK (cardinality(what) > 0 AND what <@ ARRAY['address', 'lines', 'note']),
  seq                 integer NOT NULL,    -- its event
  actor               text NOT NULL,
  before_enc          bytea,               -- address and note as they were and as they are, under the customer's key
  after_enc           bytea,
  total_before_minor  bigint NOT NULL,
  total_after_minor   bigint NOT NULL CHECK (total_after_minor >= 0),
  refund_id           text,                -- the difference of an order that was paid
  created_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (order_no, change_no),
  UNIQUE (order_no, seq),
  FOREIGN KEY (order_no, seq) REFERENCES order_events,
  FOREIGN KEY (refund_id, order_no) REFERENCES refunds (refund_id, order_no),
  CHECK ('lines' = ANY (what) OR (total_after_minor = total_before_minor AND refund_id IS NULL)),
  CHECK ((before_enc IS NULL) = (after_enc IS NULL))
);

CREATE TABLE order_change_lines (          -- units added (a line of their own) or taken off, and what goes along with them
  order_no         text NOT NULL,
  change_no        integer NOT NULL,
  line_no          integer NOT NULL,
  sku              text NOT NULL,
  quantity_delta   bigint NOT NULL CHECK (quantity_delta <> 0),
  items_minor      bigint NOT NULL,
  discount_minor   bigint NOT NULL,
  shipping_minor   bigint NOT NULL,
  tax_minor        bigint NOT NULL,
  tax_added_minor  bigint NOT NULL,
  kept_line        boolean NOT NULL DEFAULT false,  -- taken off a paid line, whose own numbers stay; set by the trigger
  PRIMARY KEY (order_no, change_no, line_no),
  FOREIGN KEY (order_no, change_no) REFERENCES order_changes,
  FOREIGN KEY (order_no, line_no) REFERENCES order_lines,
  CHECK (quantity_delta > 0 OR (items_minor <= 0 AND discount_minor <= 0 AND shipping_minor <= 0 AND tax_minor <= 0
                                AND tax_added_minor <= 0)),
  CHECK (quantity_delta < 0 OR (items_minor >= 0 AND tax_minor >= 0 AND tax_added_minor IN (0, tax_minor)
                                AND discount_minor = 0 AND shipping_minor = 0))
);
CREATE INDEX order_change_lines_line ON order_change_lines (order_no, line_no) WHERE kept_line;

-- Whether money for the order is in flight, here, or told of and not yet heard. An authorisation that was given up is not.
CREATE FUNCTION is_paying(asked_order_no text) RETURNS boolean STABLE LANGUAGE sql SET search_path = public AS $$
  SELECT EXISTS (SELECT FROM payments p WHERE p.order_no = asked_order_no AND p.kind IN ('authorise', 'capture')
                    AND p.purpose = 'order' AND p.status <> 'failed'
                    AND NOT EXISTS (SELECT FROM payments v WHERE v.parent_id = p.payment_id AND v.kind = 'void'
                                       AND v.status <> 'failed'))
      OR EXISTS (SELECT FROM inbox i WHERE i.order_no = asked_order_no AND i.kind = 'payment' AND i.processed_at IS NULL)
$$;
-- Whether a label exists, or a carrier may be making one now: a booking that failed and waits for support makes none.
CREATE FUNCTION is_booked(asked_order_no text) RETURNS boolean STABLE LANGUAGE sql SET search_path = public AS $$
  SELECT EXISTS (SELECT FROM shipments s WHERE s.order_no = asked_order_no AND s.status <> 'cancelled'
                    AND NOT (s.status = 'booking' AND EXISTS (
                      SELECT FROM parked_steps k WHERE k.order_no = asked_order_no AND k.step = 'book'
                         AND k.resolved_at IS NULL)))
$$;

-- The order's row first: a booking or an authorisation that begins at this moment is seen here, or sees the change.
CREATE FUNCTION begin_order_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE here orders%ROWTYPE;
BEGIN
  SELECT * INTO here FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  IF here.cancelling IS NOT NULL OR here.status NOT IN ('received', 'pending_payment', 'paid', 'preparing')
     OR (NEW.what && ARRAY['address', 'lines'] AND (here.status = 'preparing' OR is_booked(NEW.order_no)))
     OR ('lines' = ANY (NEW.what) AND here.status IN ('received', 'pending_payment') AND is_paying(NEW.order_no)) THEN
    RAISE EXCEPTION 'too_late_to_change' USING ERRCODE = 'OM012', DETAIL = here.status;
  END IF;
  IF NEW.total_before_minor <> here.total_minor THEN
    RAISE EXCEPTION 'a change begins at the order''s total' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER order_change_begins BEFORE INSERT ON order_changes FOR EACH ROW EXECUTE FUNCTION begin_order_change();

CREATE FUNCTION apply_order_change_line() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE paid boolean;
BEGIN
  SELECT status = 'paid' INTO paid FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  NEW.kept_line := paid AND NEW.quantity_delta < 0;
  IF NEW.quantity_delta > 0 THEN
    PERFORM FROM order_lines l
      WHERE l.order_no = NEW.order_no AND l.line_no = NEW.line_no AND l.sku = NEW.sku
        AND (l.quantity, l.quantity * l.unit_price_minor, l.tax_minor, l.tax_added_minor)
            = (NEW.quantity_delta, NEW.items_minor, NEW.tax_minor, NEW.tax_added_minor)
        AND NOT EXISTS (SELECT FROM order_change_lines c WHERE c.order_no = l.order_no AND c.line_no = l.line_no);
  ELSIF paid THEN
    UPDATE order_lines l SET cancelled_quantity = l.cancelled_quantity - NEW.quantity_delta
     WHERE l.order_no = NEW.order_no AND l.line_no = NEW.line_no AND l.sku = NEW.sku
       AND NEW.items_minor = NEW.quantity_delta * l.unit_price_minor;
  ELSE
    UPDATE order_lines l SET quantity = l.quantity + NEW.quantity_delta, taken_down = true,
           discount_minor = l.discount_minor + NEW.discount_minor, shipping_minor = l.shipping_minor + NEW.shipping_minor,
           tax_minor = l.tax_minor + NEW.tax_minor, tax_added_minor = l.tax_added_minor + NEW.tax_added_minor
     WHERE l.order_no = NEW.order_no AND l.line_no = NEW.line_no AND l.sku = NEW.sku
       AND NEW.items_minor = NEW.quantity_delta * l.unit_price_minor;
  END IF;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'a change is of lines of its order' USING ERRCODE = 'OM003';
  END IF;
  UPDATE orders SET items_minor = items_minor + NEW.items_minor, discount_minor = discount_minor + NEW.discount_minor,
         shipping_minor = shipping_minor + NEW.shipping_minor, tax_minor = tax_minor + NEW.tax_minor,
         tax_added_minor = tax_added_minor + NEW.tax_added_minor,
         total_minor = total_minor + NEW.items_minor - NEW.discount_minor + NEW.shipping_minor + NEW.tax_added_minor
   WHERE order_no = NEW.order_no;
  RETURN NEW;
END $$;
CREATE TRIGGER order_change_line_applies BEFORE INSERT ON order_change_lines
  FOR EACH ROW EXECUTE FUNCTION apply_order_change_line();

-- When the transaction ends the total is what the change says, and what is reserved is what the lines want.
CREATE FUNCTION check_order_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF EXISTS (SELECT FROM orders o WHERE o.order_no = NEW.order_no AND o.total_minor <> NEW.total_after_minor)
     AND NOT EXISTS (SELECT FROM order_changes c WHERE c.order_no = NEW.order_no AND c.change_no > NEW.change_no) THEN
    RAISE EXCEPTION 'a change ends at another total than it says' USING ERRCODE = 'OM003';
  END IF;
  IF EXISTS (SELECT FROM allocations a WHERE a.order_no = NEW.order_no AND a.state = 'reserved') AND EXISTS (
       SELECT FROM (SELECT sku, sum(quantity - cancelled_quantity) AS units FROM order_lines
                     WHERE order_no = NEW.order_no GROUP BY sku) wanted
         FULL JOIN (SELECT sku, sum(quantity) AS units FROM allocations
                     WHERE order_no = NEW.order_no AND state = 'reserved' GROUP BY sku) held USING (sku)
        WHERE coalesce(wanted.units, 0) <> coalesce(held.units, 0)) THEN
    RAISE EXCEPTION 'an order holds what its lines want' USING ERRCODE = 'OM003';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER order_change_whole AFTER INSERT ON order_changes DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION check_order_change();

-- A booking that has read the order before its change sees the change here: no intent, no call, the next try reads anew.
CREATE FUNCTION heed_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE rev integer;
BEGIN
  SELECT address_rev INTO rev FROM orders WHERE order_no = NEW.order_no FOR KEY SHARE;
  IF rev <> NEW.address_rev THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER booking_heeds_changes BEFORE INSERT ON shipments FOR EACH ROW WHEN (NEW.status = 'booking')
  EXECUTE FUNCTION heed_changes();
COMMENT ON COLUMN orders.address_rev IS 'counts the wordings of what a carrier is told: address and goods';

CREATE TRIGGER order_changes_append_only BEFORE UPDATE OR DELETE ON order_changes
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER order_change_lines_append_only BEFORE UPDATE OR DELETE ON order_change_lines
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

GRANT SELECT ON order_changes, order_change_lines TO oms_app;
GRANT INSERT (order_no, change_no, what, seq, actor, before_enc, after_enc, total_before_minor, total_after_minor,
              refund_id) ON order_changes TO oms_app;
GRANT INSERT (order_no, change_no, line_no, sku, quantity_delta, items_minor, discount_minor, shipping_minor, tax_minor,
              tax_added_minor) ON order_change_lines TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_paying, is_booked TO oms_app;  -- used in plain statements, not only in triggers
