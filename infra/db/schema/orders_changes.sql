-- Orders: changes after placement
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after orders_holds.sql.

-- What staff changed of an order, and why.
CREATE TABLE staff_actions (
  act_id      text PRIMARY KEY,
  order_no    text NOT NULL REFERENCES orders,
  action      text NOT NULL CHECK (action IN ('prioritise', 'adjust', 'parcel', 'contact', 'warehouse', 'backorder')),
  detail      text NOT NULL,  -- the new priority, or the event of the lifecycle
  actor       text NOT NULL,
  reason_enc  bytea NOT NULL,
  value_enc   bytea,
  approval_id text,  -- the second person's approval, where money moves
  created_at  timestamptz NOT NULL DEFAULT now(),
  moved_minor bigint NOT NULL DEFAULT 0 CHECK (moved_minor >= 0),
  CONSTRAINT staff_actions_approval FOREIGN KEY (approval_id) REFERENCES approvals (approval_id),
  CONSTRAINT staff_actions_money_approved CHECK (detail <> 'payment_recorded' OR approval_id IS NOT NULL)
);
CREATE INDEX staff_actions_alone ON staff_actions (person_of(actor), created_at) WHERE moved_minor > 0
  AND approval_id IS NULL;
CREATE INDEX staff_actions_order ON staff_actions (order_no, created_at DESC);

CREATE TRIGGER staff_action_approved BEFORE INSERT ON staff_actions
  FOR EACH ROW WHEN (NEW.approval_id IS NOT NULL) EXECUTE FUNCTION require_approval();

CREATE TRIGGER staff_action_audited AFTER INSERT ON staff_actions FOR EACH ROW EXECUTE FUNCTION audit_staff_action();

CREATE TRIGGER staff_actions_append_only BEFORE DELETE OR UPDATE ON staff_actions
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- One change of an order: of lines, address, note or delivery slot.
CREATE TABLE order_changes (
  order_no           text NOT NULL REFERENCES orders,
  change_no          integer NOT NULL CHECK (change_no > 0),
  what               text[] NOT NULL CHECK (cardinality(what) > 0 AND what <@ ARRAY['address', 'lines', 'note',
      'delivery_slot']),
  seq                integer NOT NULL,  -- its event
  actor              text NOT NULL,
  before_enc         bytea,  -- address and note, encrypted under the customer's key
  after_enc          bytea,
  total_before_minor bigint NOT NULL,
  total_after_minor  bigint NOT NULL CHECK (total_after_minor >= 0),
  refund_id          text,  -- refund of the difference, where the order was paid
  created_at         timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT order_changes_pkey PRIMARY KEY (order_no, change_no),
  CONSTRAINT order_changes_order_no_seq_key UNIQUE (order_no, seq),
  CONSTRAINT order_changes_order_no_seq_fkey FOREIGN KEY (order_no, seq) REFERENCES order_events (order_no, seq),
  CONSTRAINT order_changes_check CHECK (('lines' = ANY (what)) OR total_after_minor = total_before_minor
      AND refund_id IS NULL),
  CONSTRAINT order_changes_check1 CHECK ((before_enc IS NULL) = (after_enc IS NULL))
);
-- More triggers in after_sales_exchanges.sql: order_change_keeps_exchange.

-- A change needs an order that can still be changed; it is numbered, and its facts are copied to the order.
CREATE FUNCTION begin_order_change()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  here orders%ROWTYPE;
  booked boolean;
BEGIN
  SELECT * INTO here FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  IF is_awaiting_change_payment(NEW.order_no) THEN
    RAISE EXCEPTION 'change_in_progress' USING ERRCODE = 'OM012', DETAIL = here.status;
  END IF;
  booked := CASE WHEN EXISTS (SELECT FROM change_payments s WHERE s.order_no = NEW.order_no
                                 AND s.change_no = NEW.change_no AND s.status = 'applied')
    THEN EXISTS (SELECT FROM shipments s WHERE s.order_no = NEW.order_no AND s.status NOT IN ('cancelled', 'booking'))
    ELSE is_booked(NEW.order_no) END;
  IF here.cancelling IS NOT NULL OR here.status NOT IN ('received', 'pending_payment', 'paid', 'preparing')
     OR (NEW.what && ARRAY['address', 'lines', 'delivery_slot'] AND (here.status = 'preparing' OR booked))
     OR ('lines' = ANY (NEW.what) AND here.status IN ('received', 'pending_payment') AND is_paying(NEW.order_no)) THEN
    RAISE EXCEPTION 'too_late_to_change' USING ERRCODE = 'OM012', DETAIL = here.status;
  END IF;
  IF NEW.total_before_minor <> here.total_minor THEN
    RAISE EXCEPTION 'a change begins at the order''s total' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER order_change_begins BEFORE INSERT ON order_changes FOR EACH ROW EXECUTE FUNCTION begin_order_change();

-- After a change of lines an unpaid order has the discount and the shipping charge that its rules give.
CREATE FUNCTION check_priced_by()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM orders o, jsonb_to_record(o.priced_by) AS r (discount_minor bigint, shipping_minor bigint, fee_minor bigint,
                                                             free_from_minor bigint)
     WHERE o.order_no = NEW.order_no AND o.status IN ('received', 'pending_payment') AND o.priced_by IS NOT NULL
       AND (o.discount_minor, o.shipping_minor) <> (least(r.discount_minor, o.items_minor), coalesce(r.shipping_minor,
             CASE WHEN r.free_from_minor > 0 AND o.items_minor - o.discount_minor >= r.free_from_minor THEN 0
                  ELSE r.fee_minor END))) THEN
    RAISE EXCEPTION 'an unpaid order costs what its lines cost' USING ERRCODE = 'OM003';
  END IF;
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER order_change_priced AFTER INSERT ON order_changes DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN ('lines' = ANY (NEW.what)) EXECUTE FUNCTION check_priced_by();

-- At the end of the transaction the total is what the change says, and reserved stock is what the lines need.
CREATE FUNCTION check_order_change()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM orders o WHERE o.order_no = NEW.order_no AND o.total_minor <> NEW.total_after_minor)
     AND NOT EXISTS (SELECT FROM order_changes c WHERE c.order_no = NEW.order_no AND c.change_no > NEW.change_no) THEN
    RAISE EXCEPTION 'a change ends at another total than it says' USING ERRCODE = 'OM003';
  END IF;
  IF EXISTS (SELECT FROM allocations a WHERE a.order_no = NEW.order_no AND a.state = 'reserved') AND EXISTS (
       SELECT FROM (SELECT l.sku, sum(l.quantity - l.cancelled_quantity - planned.units) AS units
                      FROM order_lines l, LATERAL (
                             SELECT coalesce(sum(n.quantity), 0) AS units
                               FROM fulfilment_lines n JOIN fulfilments f USING (order_no, number)
                              WHERE n.order_no = l.order_no AND n.line_no = l.line_no AND f.status = 'planned') planned
                     WHERE l.order_no = NEW.order_no GROUP BY l.sku) wanted
         FULL JOIN (SELECT sku, sum(quantity) AS units FROM allocations
                     WHERE order_no = NEW.order_no AND state = 'reserved' GROUP BY sku) held USING (sku)
        WHERE coalesce(wanted.units, 0) <> coalesce(held.units, 0)) THEN
    RAISE EXCEPTION 'an order holds what its lines want' USING ERRCODE = 'OM003';
  END IF;
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER order_change_whole AFTER INSERT ON order_changes DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION check_order_change();

CREATE TRIGGER order_changes_append_only BEFORE DELETE OR UPDATE ON order_changes
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Units that a change added (as a line of their own) or removed, with their share of discount, shipping and tax.
CREATE TABLE order_change_lines (
  order_no        text NOT NULL,
  change_no       integer NOT NULL,
  line_no         integer NOT NULL,
  sku             text NOT NULL,
  quantity_delta  bigint NOT NULL,
  items_minor     bigint NOT NULL,
  discount_minor  bigint NOT NULL,
  shipping_minor  bigint NOT NULL,
  tax_minor       bigint NOT NULL,
  tax_added_minor bigint NOT NULL,
  kept_line       boolean NOT NULL DEFAULT false,  -- taken off a paid line, whose own numbers stay; set by the trigger
  CONSTRAINT order_change_lines_pkey PRIMARY KEY (order_no, change_no, line_no),
  CONSTRAINT order_change_lines_order_no_change_no_fkey FOREIGN KEY (order_no, change_no)
      REFERENCES order_changes (order_no, change_no),
  CONSTRAINT order_change_lines_order_no_line_no_fkey FOREIGN KEY (order_no, line_no) REFERENCES order_lines (order_no,
      line_no),
  CONSTRAINT change_line_of_new_units CHECK (quantity_delta <= 0 OR items_minor >= 0 AND discount_minor >= 0
      AND shipping_minor >= 0 AND tax_minor >= 0 AND (tax_added_minor = 0 OR tax_added_minor = tax_minor)),
  CONSTRAINT change_line_of_units_or_shares CHECK (quantity_delta <> 0 OR NOT kept_line),
  CONSTRAINT change_line_of_a_paid_one CHECK (NOT kept_line OR quantity_delta < 0 AND items_minor <= 0
      AND discount_minor <= 0 AND shipping_minor <= 0 AND tax_minor <= 0 AND tax_added_minor <= 0)
);
CREATE INDEX order_change_lines_line ON order_change_lines (order_no, line_no) WHERE kept_line;
-- More triggers in shipping.sql: changed_line_fulfils.

-- Applies a line of a change to the order's lines. Lines that are paid keep their numbers.
CREATE FUNCTION apply_order_change_line()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE paid boolean;
BEGIN
  SELECT status = 'paid' INTO paid FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  NEW.kept_line := paid AND NEW.quantity_delta < 0;
  IF paid AND (NEW.quantity_delta = 0 OR NEW.quantity_delta > 0 AND (NEW.discount_minor, NEW.shipping_minor) <> (0, 0)) THEN
    RAISE EXCEPTION 'what a paid order carries beside its lines stays' USING ERRCODE = 'OM003';
  END IF;
  IF NEW.quantity_delta > 0 THEN
    PERFORM FROM order_lines l
      WHERE l.order_no = NEW.order_no AND l.line_no = NEW.line_no AND l.sku = NEW.sku
        AND (l.quantity, l.quantity * l.unit_price_minor, l.discount_minor, l.shipping_minor, l.tax_minor, l.tax_added_minor)
            = (NEW.quantity_delta, NEW.items_minor, NEW.discount_minor, NEW.shipping_minor, NEW.tax_minor,
               NEW.tax_added_minor)
        AND NOT EXISTS (SELECT FROM order_change_lines c WHERE c.order_no = l.order_no AND c.line_no = l.line_no);
  ELSIF paid THEN
    UPDATE order_lines l SET cancelled_quantity = l.cancelled_quantity - NEW.quantity_delta
     WHERE l.order_no = NEW.order_no AND l.line_no = NEW.line_no AND l.sku = NEW.sku
       AND NEW.items_minor = NEW.quantity_delta * l.unit_price_minor;
  ELSE
    UPDATE order_lines l SET quantity = l.quantity + NEW.quantity_delta, taken_down = l.taken_down OR NEW.quantity_delta < 0,
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

CREATE TRIGGER order_change_lines_append_only BEFORE DELETE OR UPDATE ON order_change_lines
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- True where a label exists, or a carrier may be making one. A failed booking that waits for support does not count.
CREATE FUNCTION is_booked(asked_order_no text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM shipments s WHERE s.order_no = asked_order_no AND s.status <> 'cancelled'
                    AND NOT (s.status = 'booking' AND EXISTS (
                      SELECT FROM parked_steps k WHERE k.order_no = asked_order_no AND k.step = 'book'
                         AND k.resolved_at IS NULL
                         AND (coalesce(k.subject, '') = '' OR EXISTS (
                           SELECT FROM fulfilments f WHERE f.fulfilment_id = k.subject
                              AND f.number = s.fulfilment_no)))))
$$;

-- True where money for the order is in flight: an intent, or a notification that is not processed yet.
CREATE FUNCTION is_paying(asked_order_no text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM payments p WHERE p.order_no = asked_order_no AND p.kind IN ('authorise', 'capture')
                    AND p.purpose = 'order' AND p.status <> 'failed'
                    AND NOT EXISTS (SELECT FROM payments v WHERE v.parent_id = p.payment_id AND v.kind = 'void'
                                       AND v.status <> 'failed'))
      OR EXISTS (SELECT FROM inbox i WHERE i.order_no = asked_order_no AND i.kind = 'payment' AND i.processed_at IS NULL)
$$;

-- Rights

GRANT SELECT ON order_change_lines, order_changes, staff_actions TO oms_app;
GRANT INSERT (change_no, discount_minor, items_minor, line_no, order_no, quantity_delta, shipping_minor, sku,
  tax_added_minor, tax_minor) ON order_change_lines TO oms_app;
GRANT INSERT (actor, after_enc, before_enc, change_no, order_no, refund_id, seq, total_after_minor, total_before_minor,
  what) ON order_changes TO oms_app;
GRANT INSERT (act_id, action, actor, approval_id, detail, moved_minor, order_no, reason_enc, value_enc) ON staff_actions
  TO oms_app;
REVOKE EXECUTE ON FUNCTION apply_order_change_line(), begin_order_change(), check_order_change(), check_priced_by(),
  is_booked(text), is_paying(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_booked(text), is_paying(text) TO oms_app;
