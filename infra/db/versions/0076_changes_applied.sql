-- What the application does for a change that is paid at once it does for one whose difference is paid later. The trigger
-- serves processes of the last release, which do not; at the end of the transaction the change is applied, whoever did it.
CREATE OR REPLACE FUNCTION apply_supplement()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  piece record;
BEGIN
  -- The process that writes the payment's outcome applies the change itself, in the same transaction.
  IF current_setting('oms.change_applied_by', true) = 'application' THEN
    RETURN NULL;
  END IF;
  INSERT INTO order_events (order_no, seq, type, key, data, actor)
  VALUES (NEW.order_no, 0, 'supplement_captured', NULL,
          jsonb_build_object('amount_minor', NEW.amount_minor, 'change_no', NEW.change_no), 'system'),
         (NEW.order_no, 0, 'order_changed', 'change:' || NEW.change_no,
          jsonb_build_object('change_no', NEW.change_no, 'what', to_jsonb(NEW.what),
            'total_before_minor', NEW.total_before_minor, 'total_after_minor', NEW.total_after_minor,
            'waiting', jsonb_build_object('what', 'carrier', 'until', NULL, 'next', 'the carrier is booked')), NEW.actor);
  INSERT INTO order_changes (order_no, change_no, what, seq, actor, before_enc, after_enc, total_before_minor,
                             total_after_minor)
  SELECT NEW.order_no, NEW.change_no, NEW.what, o.event_seq, NEW.actor, NEW.before_enc, NEW.after_enc,
         NEW.total_before_minor, NEW.total_after_minor FROM orders o WHERE o.order_no = NEW.order_no;
  FOR piece IN SELECT * FROM jsonb_to_recordset(NEW.lines) AS l (line_no integer, sku text, name text, delta bigint,
                 unit_price_minor bigint, items_minor bigint, discount_minor bigint, shipping_minor bigint,
                 tax_minor bigint, tax_added_minor bigint) ORDER BY line_no LOOP
    IF piece.delta > 0 THEN
      INSERT INTO order_lines (order_no, line_no, sku, name, quantity, unit_price_minor, tax_minor, tax_added_minor)
      VALUES (NEW.order_no, piece.line_no, piece.sku, piece.name, piece.delta, piece.unit_price_minor, piece.tax_minor,
              piece.tax_added_minor);
    END IF;
    INSERT INTO order_change_lines (order_no, change_no, line_no, sku, quantity_delta, items_minor, discount_minor,
                                    shipping_minor, tax_minor, tax_added_minor)
    VALUES (NEW.order_no, NEW.change_no, piece.line_no, piece.sku, piece.delta, piece.items_minor, piece.discount_minor,
            piece.shipping_minor, piece.tax_minor, piece.tax_added_minor);
  END LOOP;
  FOR piece IN SELECT h.sku, h.quantity FROM jsonb_to_recordset(NEW.held) AS h (sku text, quantity bigint)
                WHERE h.quantity < 0 ORDER BY h.sku LOOP
    PERFORM release_for_supplement(NEW, piece.sku, -piece.quantity);
  END LOOP;
  UPDATE orders SET address_rev = address_rev + 1, ship_to_enc = coalesce(NEW.ship_to_enc, ship_to_enc),
         country = coalesce(NEW.place ->> 'country', country), province = coalesce(NEW.place ->> 'province', province),
         city = coalesce(NEW.place ->> 'city', city),
         note_enc = CASE WHEN 'note' = ANY (NEW.what) THEN NEW.note_enc ELSE note_enc END,
         slot_from = CASE WHEN 'delivery_slot' = ANY (NEW.what) THEN NEW.slot_from ELSE slot_from END,
         slot_to = CASE WHEN 'delivery_slot' = ANY (NEW.what) THEN NEW.slot_to ELSE slot_to END
   WHERE order_no = NEW.order_no;
  RETURN NULL;
END $$;

CREATE FUNCTION check_supplement_applied()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
       SELECT FROM order_changes h
        WHERE h.order_no = NEW.order_no AND h.change_no = NEW.change_no AND h.what = NEW.what AND h.actor = NEW.actor
          AND (h.total_before_minor, h.total_after_minor) = (NEW.total_before_minor, NEW.total_after_minor))
     OR EXISTS (
       SELECT FROM jsonb_to_recordset(NEW.lines) AS l (line_no integer, sku text, delta bigint)
         FULL JOIN (SELECT c.line_no, c.sku, c.quantity_delta FROM order_change_lines c
                     WHERE c.order_no = NEW.order_no AND c.change_no = NEW.change_no) w USING (line_no)
        WHERE (l.sku, l.delta) IS DISTINCT FROM (w.sku, w.quantity_delta)) THEN
    RAISE EXCEPTION 'a change that is paid is applied as it was requested' USING ERRCODE = 'OM018';
  END IF;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION check_supplement_applied() FROM PUBLIC;

CREATE CONSTRAINT TRIGGER supplement_is_applied AFTER UPDATE ON order_supplements DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'applied' AND OLD.status <> 'applied') EXECUTE FUNCTION check_supplement_applied();
