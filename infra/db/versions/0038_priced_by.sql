-- An order that is not paid costs what its lines cost, whatever changes led to them: its discount, shipping charge and tax
-- are worked out anew with each change, by the rules under which it was placed.

-- {discount_minor, shipping_minor (null: the shop's), fee_minor, free_from_minor, tax_rate_bp, tax_included}; none where
-- the order carries nothing beside its lines, or was placed before.
ALTER TABLE orders ADD COLUMN priced_by jsonb;
GRANT INSERT (priced_by) ON orders TO oms_app;

-- A line that is not paid may get other shares without other units; a paid one gives away what goes with its units.
ALTER TABLE order_change_lines
  DROP CONSTRAINT order_change_lines_quantity_delta_check,
  DROP CONSTRAINT order_change_lines_check,
  DROP CONSTRAINT order_change_lines_check1,
  ADD CONSTRAINT change_line_of_units_or_shares CHECK (quantity_delta <> 0 OR NOT kept_line),
  ADD CONSTRAINT change_line_of_a_paid_one CHECK (NOT kept_line OR (quantity_delta < 0 AND items_minor <= 0
    AND discount_minor <= 0 AND shipping_minor <= 0 AND tax_minor <= 0 AND tax_added_minor <= 0)),
  ADD CONSTRAINT change_line_of_new_units CHECK (quantity_delta <= 0 OR (items_minor >= 0 AND discount_minor >= 0
    AND shipping_minor >= 0 AND tax_minor >= 0 AND tax_added_minor IN (0, tax_minor)));

CREATE OR REPLACE FUNCTION apply_order_change_line() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
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

-- Once its lines were changed, an unpaid order has the discount and the shipping charge that its rules give.
CREATE FUNCTION check_priced_by() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
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
REVOKE EXECUTE ON FUNCTION check_priced_by() FROM PUBLIC;
