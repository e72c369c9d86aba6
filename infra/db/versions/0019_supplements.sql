-- A change of a paid order that costs more waits for the difference: its extra units are reserved at once, lines and
-- total follow when the difference is captured, in that very transaction; else it is undone and frees what it held.

ALTER TABLE payments DROP CONSTRAINT payments_purpose_check,
  ADD CONSTRAINT payments_purpose_check CHECK (purpose IN ('order', 'stray', 'guarantee', 'supplement'));
-- The attempt of its payments names the change; the difference of one change is taken once.
CREATE FUNCTION supplement_attempt(supplement_no integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT -1000 - $1';
CREATE UNIQUE INDEX payments_one_supplement ON payments (order_no, attempt)
  WHERE kind = 'capture' AND purpose = 'supplement' AND status <> 'failed';

CREATE TABLE order_supplements (
  order_no            text NOT NULL REFERENCES orders,
  supplement_no       integer NOT NULL CHECK (supplement_no > 0),
  change_no           integer NOT NULL,    -- of the change that it becomes
  actor               text NOT NULL,
  what                text[] NOT NULL CHECK ('lines' = ANY (what) AND what <@ ARRAY['address', 'lines', 'note']),
  lines               jsonb NOT NULL,      -- as in order_change_lines, with the names and prices of new lines
  held                jsonb NOT NULL,      -- [{sku, quantity}]: more (reserved already) or fewer units
  warehouse           text NOT NULL REFERENCES warehouses,
  before_enc          bytea,               -- as in order_changes
  after_enc           bytea,
  ship_to_enc         bytea,               -- as in orders, with its place
  place               jsonb,
  note_enc            bytea,
  total_before_minor  bigint NOT NULL,
  total_after_minor   bigint NOT NULL,
  amount_minor        bigint NOT NULL CHECK (amount_minor > 0 AND amount_minor = total_after_minor - total_before_minor),
  currency            char(3) NOT NULL,
  method              text NOT NULL CHECK (length(method) BETWEEN 1 AND 32),
  token               text NOT NULL CHECK (length(token) BETWEEN 1 AND 200),
  status              text NOT NULL DEFAULT 'awaiting_payment' CHECK (status IN ('awaiting_payment', 'applied', 'undone')),
  code                text,                -- why it was undone
  until               timestamptz NOT NULL,
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (order_no, supplement_no),
  CHECK ((status = 'undone') = (code IS NOT NULL))
);
CREATE UNIQUE INDEX order_supplements_one_open ON order_supplements (order_no) WHERE status = 'awaiting_payment';

CREATE FUNCTION is_awaiting_supplement(of_order text) RETURNS boolean STABLE LANGUAGE sql SET search_path = public AS $$
  SELECT EXISTS (SELECT FROM order_supplements s WHERE s.order_no = of_order AND s.status = 'awaiting_payment')
$$;

-- It begins on an order that is paid and that no carrier is asked for.
CREATE FUNCTION begin_supplement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE here orders%ROWTYPE;
BEGIN
  SELECT * INTO here FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  IF here.cancelling IS NOT NULL OR here.status <> 'paid' OR is_booked(NEW.order_no) THEN
    RAISE EXCEPTION 'too_late_to_change' USING ERRCODE = 'OM012', DETAIL = here.status;
  END IF;
  IF NEW.status <> 'awaiting_payment' OR (NEW.total_before_minor, NEW.currency) <> (here.total_minor, here.currency) THEN
    RAISE EXCEPTION 'a change begins at the order''s total' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER supplement_begins BEFORE INSERT ON order_supplements FOR EACH ROW EXECUTE FUNCTION begin_supplement();

CREATE FUNCTION guard_supplement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF (to_jsonb(NEW) - 'status' - 'code' - 'updated_at') <> (to_jsonb(OLD) - 'status' - 'code' - 'updated_at')
     OR OLD.status <> 'awaiting_payment' THEN
    RAISE EXCEPTION 'a change that waits for its payment ends once' USING ERRCODE = 'OM018';
  END IF;
  IF NEW.status = 'applied' AND NOT EXISTS (
       SELECT FROM payments p WHERE p.order_no = NEW.order_no AND p.attempt = supplement_attempt(NEW.supplement_no)
          AND p.kind = 'capture' AND p.purpose = 'supplement' AND p.status = 'succeeded'
          AND (p.amount_minor, p.currency) = (NEW.amount_minor, NEW.currency)) THEN
    RAISE EXCEPTION 'a change is paid before it is applied' USING ERRCODE = 'OM018';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER supplement_guard BEFORE UPDATE ON order_supplements FOR EACH ROW EXECUTE FUNCTION guard_supplement();

-- Units that go back to the shelf: what was held for a change that is undone, or what a change that is applied gives up.
CREATE FUNCTION release_for_supplement(s order_supplements, goods text, units bigint) RETURNS void LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
  UPDATE allocations a SET quantity = CASE WHEN a.quantity = units THEN a.quantity ELSE a.quantity - units END,
                           state = CASE WHEN a.quantity = units THEN 'released' ELSE a.state END
   WHERE a.order_no = s.order_no AND a.sku = goods AND a.warehouse = s.warehouse AND a.state = 'reserved';
  IF FOUND THEN
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, actor)
    VALUES (s.order_no || '/supplement/' || s.supplement_no || '/release/' || goods, 'release', goods, s.warehouse,
            units, 0, -units, s.order_no, 'system');
  END IF;
END $$;

CREATE FUNCTION undo_supplement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  piece record;
  waits jsonb := '{}';
BEGIN
  FOR piece IN SELECT h.sku, h.quantity FROM jsonb_to_recordset(NEW.held) AS h (sku text, quantity bigint)
                WHERE h.quantity > 0 ORDER BY h.sku LOOP
    PERFORM release_for_supplement(NEW, piece.sku, piece.quantity);
  END LOOP;
  IF EXISTS (SELECT FROM orders o WHERE o.order_no = NEW.order_no AND o.status = 'paid' AND o.cancelling IS NULL) THEN
    waits := '{"waiting": {"what": "carrier", "until": null, "next": "the carrier is booked"}}';
  END IF;
  INSERT INTO order_events (order_no, seq, type, data, actor)
  VALUES (NEW.order_no, 0, 'change_undone',
          waits || jsonb_build_object('code', NEW.code, 'amount_minor', NEW.amount_minor), 'system');
  RETURN NULL;
END $$;
CREATE TRIGGER supplement_undone AFTER UPDATE OF status ON order_supplements FOR EACH ROW WHEN (NEW.status = 'undone')
  EXECUTE FUNCTION undo_supplement();

-- The change itself, as it was told when it was asked for.
CREATE FUNCTION apply_supplement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
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
         note_enc = CASE WHEN 'note' = ANY (NEW.what) THEN NEW.note_enc ELSE note_enc END
   WHERE order_no = NEW.order_no;
  RETURN NULL;
END $$;
CREATE TRIGGER supplement_applies AFTER UPDATE OF status ON order_supplements FOR EACH ROW WHEN (NEW.status = 'applied')
  EXECUTE FUNCTION apply_supplement();

-- The provider's answer decides, whoever writes it: a step of the order, its notification, support by hand.
CREATE FUNCTION supplement_heeds_payment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE open_one order_supplements%ROWTYPE;
BEGIN
  PERFORM FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  SELECT * INTO open_one FROM order_supplements s
   WHERE s.order_no = NEW.order_no AND supplement_attempt(s.supplement_no) = NEW.attempt
     AND s.status = 'awaiting_payment';
  IF NEW.status = 'failed' AND open_one.order_no IS NOT NULL THEN
    UPDATE order_supplements SET status = 'undone', code = coalesce(NEW.error_code, 'declined'), updated_at = now()
     WHERE order_no = NEW.order_no AND supplement_no = open_one.supplement_no;
  ELSIF NEW.status = 'succeeded' AND NEW.kind = 'capture' AND open_one.order_no IS NOT NULL THEN
    UPDATE order_supplements SET status = 'applied', updated_at = now()
     WHERE order_no = NEW.order_no AND supplement_no = open_one.supplement_no;
  ELSIF NEW.status = 'succeeded' AND NEW.kind = 'capture' THEN
    -- Nothing waits for it any more: the order's workflow gives it back.
    UPDATE payments SET purpose = 'stray' WHERE payment_id = NEW.payment_id;
    INSERT INTO order_events (order_no, seq, type, data, actor)
    VALUES (NEW.order_no, 0, 'payment_returned', jsonb_build_object('amount_minor', NEW.amount_minor), 'system');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER supplement_payment_heard AFTER UPDATE OF status ON payments FOR EACH ROW
  WHEN (NEW.purpose = 'supplement' AND NEW.kind IN ('authorise', 'capture') AND NEW.status IN ('succeeded', 'failed')
        AND OLD.status <> NEW.status)
  EXECUTE FUNCTION supplement_heeds_payment();

-- No provider is asked for a change that waits for nothing; a repeat finds its own intent.
CREATE FUNCTION heed_supplement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM payments p WHERE p.idempotency_key = NEW.idempotency_key) AND NOT EXISTS (
       SELECT FROM order_supplements s WHERE s.order_no = NEW.order_no AND s.status = 'awaiting_payment'
          AND supplement_attempt(s.supplement_no) = NEW.attempt
          AND (s.amount_minor, s.currency) = (NEW.amount_minor, NEW.currency)) THEN
    RAISE EXCEPTION 'no change waits for this payment' USING ERRCODE = 'OM018';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER supplement_payment_wanted BEFORE INSERT ON payments FOR EACH ROW
  WHEN (NEW.purpose = 'supplement' AND NEW.kind IN ('authorise', 'capture')) EXECUTE FUNCTION heed_supplement();

-- An order that is undone, or goes on in any other way, leaves no change behind that waits.
CREATE FUNCTION overtake_supplement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  UPDATE order_supplements SET status = 'undone', updated_at = now(),
         code = CASE WHEN NEW.cancelling IS NULL THEN 'label_printed' ELSE 'order_cancelled' END
   WHERE order_no = NEW.order_no AND status = 'awaiting_payment';
  RETURN NULL;
END $$;
CREATE TRIGGER order_overtakes_supplement AFTER UPDATE OF status, cancelling ON orders FOR EACH ROW
  WHEN (OLD.status = 'paid' AND (NEW.status <> 'paid' OR (OLD.cancelling IS NULL AND NEW.cancelling IS NOT NULL)))
  EXECUTE FUNCTION overtake_supplement();

-- No carrier is asked for an order whose change waits for its payment.
CREATE OR REPLACE FUNCTION heed_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE rev integer;
BEGIN
  SELECT address_rev INTO rev FROM orders WHERE order_no = NEW.order_no FOR KEY SHARE;
  IF rev <> NEW.address_rev OR is_awaiting_supplement(NEW.order_no) THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;

-- As before; another change waits for the one that waits for its payment, and that one knows that no carrier was asked
-- since: a booking that failed may only have been taken up again.
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
     OR (NEW.what && ARRAY['address', 'lines'] AND (here.status = 'preparing' OR booked))
     OR ('lines' = ANY (NEW.what) AND here.status IN ('received', 'pending_payment') AND is_paying(NEW.order_no)) THEN
    RAISE EXCEPTION 'too_late_to_change' USING ERRCODE = 'OM012', DETAIL = here.status;
  END IF;
  IF NEW.total_before_minor <> here.total_minor THEN
    RAISE EXCEPTION 'a change begins at the order''s total' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

GRANT SELECT, INSERT (order_no, supplement_no, change_no, actor, what, lines, held, warehouse, before_enc, after_enc,
  ship_to_enc, place, note_enc, total_before_minor, total_after_minor, amount_minor, currency, method, token, until),
  UPDATE (status, code, updated_at) ON order_supplements TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION supplement_attempt, is_awaiting_supplement TO oms_app;  -- used in plain statements, too
