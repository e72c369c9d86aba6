-- When the customer wants his parcel; said at placing or changed later, until a carrier is asked for the label.

ALTER TABLE orders
  ADD COLUMN slot_from timestamptz,
  ADD COLUMN slot_to timestamptz,
  ADD CONSTRAINT order_delivery_slot CHECK (
    (slot_from IS NULL) = (slot_to IS NULL) AND slot_to - slot_from BETWEEN interval '1 h' AND interval '24 h');
ALTER TABLE order_changes
  DROP CONSTRAINT order_changes_what_check,
  ADD CONSTRAINT order_changes_what_check
    CHECK (cardinality(what) > 0 AND what <@ ARRAY['address', 'lines', 'note', 'delivery_slot']);
ALTER TABLE order_supplements
  ADD COLUMN slot_from timestamptz,
  ADD COLUMN slot_to timestamptz,
  ADD CONSTRAINT order_supplement_slot CHECK (
    (slot_from IS NULL) = (slot_to IS NULL) AND slot_to - slot_from BETWEEN interval '1 h' AND interval '24 h'),
  DROP CONSTRAINT order_supplements_what_check,
  ADD CONSTRAINT order_supplements_what_check
    CHECK ('lines' = ANY (what) AND what <@ ARRAY['address', 'lines', 'note', 'delivery_slot']);

-- As before, with the slot.
CREATE OR REPLACE FUNCTION apply_supplement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  piece record;
BEGIN
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

-- As before: the slot stands where the address does.
CREATE OR REPLACE FUNCTION begin_order_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  here orders%ROWTYPE;
  booked boolean;
BEGIN
  SELECT * INTO here FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  IF is_awaiting_supplement(NEW.order_no) THEN
    RAISE EXCEPTION 'change_in_progress' USING ERRCODE = 'OM012', DETAIL = here.status;
  END IF;
  booked := CASE WHEN EXISTS (SELECT FROM order_supplements s WHERE s.order_no = NEW.order_no
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

GRANT UPDATE (slot_from, slot_to) ON orders TO oms_app;
GRANT INSERT (slot_from, slot_to) ON order_supplements TO oms_app;
