-- Payments: changes that cost more (change payments)
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after payments_disputes.sql.

-- A change that makes a paid order dearer and waits for the payment of its difference. It is applied or undone by the
-- payment's outcome.
CREATE TABLE order_supplements (
  order_no           text NOT NULL REFERENCES orders,
  supplement_no      integer NOT NULL CHECK (supplement_no > 0),
  change_no          integer NOT NULL,  -- the change that it becomes
  actor              text NOT NULL,
  what               text[] NOT NULL CHECK (('lines' = ANY (what)) AND what <@ ARRAY['address', 'lines', 'note',
      'delivery_slot']),
  lines              jsonb NOT NULL,  -- as in order_change_lines, with the names and prices of new lines
  held               jsonb NOT NULL,  -- [{sku, quantity}]: units more (already reserved) or fewer
  warehouse          text NOT NULL REFERENCES warehouses (code),
  before_enc         bytea,  -- as in order_changes
  after_enc          bytea,
  ship_to_enc        bytea,  -- as in orders, with its place
  place              jsonb,
  note_enc           bytea,
  total_before_minor bigint NOT NULL,
  total_after_minor  bigint NOT NULL,
  amount_minor       bigint NOT NULL,
  currency           char(3) NOT NULL,
  method             text NOT NULL CHECK (length(method) BETWEEN 1 AND 32),
  token              text NOT NULL CHECK (length(token) BETWEEN 1 AND 200),
  status             text NOT NULL DEFAULT 'awaiting_payment' CHECK (status IN ('awaiting_payment', 'applied',
      'undone')),
  code               text,  -- why it was undone
  until              timestamptz NOT NULL,
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  slot_from          timestamptz,
  slot_to            timestamptz,
  CONSTRAINT order_supplements_pkey PRIMARY KEY (order_no, supplement_no),
  CONSTRAINT order_supplements_check CHECK (amount_minor > 0 AND amount_minor = (total_after_minor -
      total_before_minor)),
  CONSTRAINT order_supplements_check1 CHECK ((status = 'undone') = (code IS NOT NULL)),
  CONSTRAINT order_supplement_slot CHECK ((slot_from IS NULL) = (slot_to IS NULL)
      AND (slot_to - slot_from) >= '01:00:00'::interval AND (slot_to - slot_from) <= '25:00:00'::interval)
);
CREATE UNIQUE INDEX order_supplements_one_open ON order_supplements (order_no) WHERE status = 'awaiting_payment';
-- More triggers in documents_further.sql: supplement_invoiced.
-- More triggers in after_sales_exchanges.sql: supplement_keeps_exchange.

-- Applies the change to the order when its difference is paid, for processes of the last release: others apply it
-- themselves.
CREATE FUNCTION apply_supplement()
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

CREATE TRIGGER supplement_applies AFTER UPDATE OF status ON order_supplements
  FOR EACH ROW WHEN (NEW.status = 'applied') EXECUTE FUNCTION apply_supplement();

-- Needs an order that is paid and that no carrier is asked for.
CREATE FUNCTION begin_supplement()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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

-- Its facts do not change; it leaves awaiting_payment once.
CREATE FUNCTION guard_supplement()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (to_jsonb(NEW) - 'status' - 'code' - 'updated_at') <> (to_jsonb(OLD) - 'status' - 'code' - 'updated_at')
     OR OLD.status <> 'awaiting_payment' THEN
    RAISE EXCEPTION 'a change that waits for its payment ends once' USING ERRCODE = 'OM018';
  END IF;
  IF NEW.status = 'applied' AND NOT EXISTS (
       SELECT FROM payments p WHERE p.order_no = NEW.order_no AND p.change_payment_no = NEW.supplement_no
          AND p.kind = 'capture' AND p.purpose = 'supplement' AND p.status = 'succeeded'
          AND (p.amount_minor, p.currency) = (NEW.amount_minor, NEW.currency)) THEN
    RAISE EXCEPTION 'a change is paid before it is applied' USING ERRCODE = 'OM018';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER supplement_guard BEFORE UPDATE ON order_supplements FOR EACH ROW EXECUTE FUNCTION guard_supplement();

-- At the end of the transaction a change that is paid is applied, as it was requested.
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

CREATE CONSTRAINT TRIGGER supplement_is_applied AFTER UPDATE ON order_supplements DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'applied' AND OLD.status <> 'applied') EXECUTE FUNCTION check_supplement_applied();

-- Releases what the change had reserved when it is undone.
CREATE FUNCTION undo_supplement()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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

CREATE TRIGGER supplement_undone AFTER UPDATE OF status ON order_supplements
  FOR EACH ROW WHEN (NEW.status = 'undone') EXECUTE FUNCTION undo_supplement();

-- True while a change of the order waits for its payment.
CREATE FUNCTION is_awaiting_supplement(of_order text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM order_supplements s WHERE s.order_no = of_order AND s.status = 'awaiting_payment')
$$;

-- Returns units to stock: those of a change that is undone, or those that an applied change gives up.
CREATE FUNCTION release_for_supplement(s order_supplements, goods text, units bigint)
  RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
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

-- For the version before: the number that it writes as the attempt of a change's payments.
CREATE FUNCTION supplement_attempt(supplement_no integer) RETURNS integer LANGUAGE sql IMMUTABLE
RETURN ('-1000'::integer - supplement_no);

-- For one release only: processes of the version before write and read a payment's purpose as a negative number of its
-- attempt. Derives the columns from that form, and that form from the columns.
CREATE FUNCTION write_both_attempt_forms()
  RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.attempt IS NULL THEN
    NEW.attempt := CASE WHEN NEW.change_payment_no IS NOT NULL THEN -1000 - NEW.change_payment_no
                        WHEN NEW.guarantee_return_id IS NOT NULL THEN -2
                        WHEN NEW.renews IS NOT NULL THEN -3 ELSE -1 END;
  ELSIF NEW.purpose = 'supplement' AND NEW.kind IN ('authorise', 'capture') THEN
    NEW.change_payment_no := coalesce(NEW.change_payment_no, -1000 - NEW.attempt);
  ELSIF NEW.purpose = 'guarantee' AND NEW.kind IN ('authorise', 'capture', 'void') THEN
    NEW.guarantee_return_id := coalesce(NEW.guarantee_return_id, split_part(NEW.idempotency_key, '/', 3));
  END IF;
  RETURN NEW;
END $$;

-- Refuses a payment for a change that does not wait for one. A repeat finds its own intent.
CREATE FUNCTION heed_supplement()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM payments p WHERE p.idempotency_key = NEW.idempotency_key) AND NOT EXISTS (
       SELECT FROM order_supplements s WHERE s.order_no = NEW.order_no AND s.status = 'awaiting_payment'
          AND s.supplement_no = NEW.change_payment_no
          AND (s.amount_minor, s.currency) = (NEW.amount_minor, NEW.currency)) THEN
    RAISE EXCEPTION 'no change waits for this payment' USING ERRCODE = 'OM018';
  END IF;
  RETURN NEW;
END $$;

-- Applies or undoes the change by the provider's answer, whoever writes it.
CREATE FUNCTION supplement_heeds_payment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE open_one order_supplements%ROWTYPE;
BEGIN
  PERFORM FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  SELECT * INTO open_one FROM order_supplements s
   WHERE s.order_no = NEW.order_no AND s.supplement_no = NEW.change_payment_no
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

-- Refuses to book a parcel for an order whose change waits for its payment.
CREATE FUNCTION heed_changes()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE rev integer;
BEGIN
  SELECT address_rev INTO rev FROM orders WHERE order_no = NEW.order_no FOR KEY SHARE;
  IF rev <> NEW.address_rev OR is_awaiting_supplement(NEW.order_no) THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;

-- Undoes a waiting change when its order is cancelled or goes on.
CREATE FUNCTION overtake_supplement()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE order_supplements SET status = 'undone', updated_at = now(),
         code = CASE WHEN NEW.cancelling IS NULL THEN 'label_printed' ELSE 'order_cancelled' END
   WHERE order_no = NEW.order_no AND status = 'awaiting_payment';
  RETURN NULL;
END $$;

-- Refuses to take the difference while the order must not be charged. A repeat finds its own intent, and a provider's
-- own notification is recorded.
CREATE FUNCTION difference_heeds_holds()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM FROM orders WHERE order_no = NEW.order_no FOR KEY SHARE;
  IF takes_no_money(NEW.order_no) AND NOT EXISTS (SELECT FROM payments p WHERE p.idempotency_key = NEW.idempotency_key) THEN
    RAISE EXCEPTION 'order_is_held' USING ERRCODE = 'OM006';
  END IF;
  RETURN NEW;
END $$;

-- Until when a change waits for its payment: without limit while a hold is on; after its release the time that was
-- left, at least a minute.
CREATE FUNCTION difference_until(of_order text, asked_no integer)
  RETURNS timestamptz LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE WHEN takes_no_money(s.order_no) THEN 'infinity' ELSE greatest(s.until, (
           SELECT max(h.closed_at + greatest(s.until - greatest(h.put_on_at, s.created_at), interval '1 minute'))
             FROM holds h WHERE h.order_no = s.order_no AND h.closed_at > s.created_at AND 'pending_payment' = ANY (h.stops))) END
    FROM order_supplements s WHERE s.order_no = of_order AND s.supplement_no = asked_no
$$;

-- Of tables in earlier files

CREATE TRIGGER order_overtakes_supplement AFTER UPDATE OF status, cancelling ON orders
  FOR EACH ROW WHEN (OLD.status = 'paid' AND (NEW.status <> 'paid' OR OLD.cancelling IS NULL
    AND NEW.cancelling IS NOT NULL))
  EXECUTE FUNCTION overtake_supplement();
ALTER TABLE payments ADD CONSTRAINT payment_of_its_change FOREIGN KEY (order_no, change_payment_no)
  REFERENCES order_supplements (order_no, supplement_no);
CREATE TRIGGER both_attempt_forms BEFORE INSERT ON payments
  FOR EACH ROW WHEN (NEW.attempt IS NULL OR NEW.attempt < 1) EXECUTE FUNCTION write_both_attempt_forms();
CREATE TRIGGER supplement_payment_heard AFTER UPDATE OF status ON payments
  FOR EACH ROW WHEN (NEW.purpose = 'supplement' AND (NEW.kind IN ('authorise', 'capture'))
    AND (NEW.status IN ('succeeded', 'failed')) AND OLD.status <> NEW.status)
  EXECUTE FUNCTION supplement_heeds_payment();
CREATE TRIGGER supplement_payment_heeds_holds BEFORE INSERT ON payments
  FOR EACH ROW WHEN (NEW.purpose = 'supplement' AND NEW.status = 'intent' AND (NEW.kind IN ('authorise', 'capture'))
    AND NEW.provider_ref IS NULL)
  EXECUTE FUNCTION difference_heeds_holds();
CREATE TRIGGER supplement_payment_wanted BEFORE INSERT ON payments
  FOR EACH ROW WHEN (NEW.purpose = 'supplement' AND (NEW.kind IN ('authorise', 'capture')))
  EXECUTE FUNCTION heed_supplement();

-- Rights

GRANT SELECT ON order_supplements TO oms_app;
GRANT INSERT (actor, after_enc, amount_minor, before_enc, change_no, currency, held, lines, method, note_enc, order_no,
  place, ship_to_enc, slot_from, slot_to, supplement_no, token, total_after_minor, total_before_minor, until, warehouse,
  what) ON order_supplements TO oms_app;
GRANT UPDATE (code, status, updated_at) ON order_supplements TO oms_app;
REVOKE EXECUTE ON FUNCTION apply_supplement(), begin_supplement(), check_supplement_applied(), difference_heeds_holds(),
  difference_until(text, integer), guard_supplement(), heed_changes(), heed_supplement(), is_awaiting_supplement(text),
  overtake_supplement(), release_for_supplement(order_supplements, text, bigint), supplement_attempt(integer),
  supplement_heeds_payment(), undo_supplement(), write_both_attempt_forms() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION difference_until(text, integer), is_awaiting_supplement(text), supplement_attempt(integer)
  TO oms_app;
