-- Payments: changes that cost more (change payments)
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after payments_disputes.sql.

-- A change that makes a paid order dearer and waits for the payment of its difference. It is applied or undone by the
-- payment's outcome.
CREATE TABLE change_payments (
  order_no           text NOT NULL REFERENCES orders,
  payment_no         integer NOT NULL CHECK (payment_no > 0),
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
  CONSTRAINT change_payments_pkey PRIMARY KEY (order_no, payment_no),
  CONSTRAINT change_payments_check CHECK (amount_minor > 0 AND amount_minor = (total_after_minor - total_before_minor)),
  CONSTRAINT change_payments_check1 CHECK ((status = 'undone') = (code IS NOT NULL)),
  CONSTRAINT change_payment_slot CHECK ((slot_from IS NULL) = (slot_to IS NULL)
      AND (slot_to - slot_from) >= '01:00:00'::interval AND (slot_to - slot_from) <= '25:00:00'::interval)
);
CREATE UNIQUE INDEX change_payments_one_open ON change_payments (order_no) WHERE status = 'awaiting_payment';
-- More triggers in documents_further.sql: change_payment_invoiced.
-- More triggers in after_sales_exchanges.sql: change_payment_keeps_exchange.

-- For processes of the previous version: applies the change to the order when its difference is paid. Others apply it
-- themselves.
CREATE FUNCTION apply_change_payment()
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
    PERFORM release_for_change_payment(NEW, piece.sku, -piece.quantity);
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

CREATE TRIGGER change_payment_applies AFTER UPDATE OF status ON change_payments
  FOR EACH ROW WHEN (NEW.status = 'applied') EXECUTE FUNCTION apply_change_payment();

-- Needs an order that is paid and that no carrier is asked for.
CREATE FUNCTION begin_change_payment()
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

CREATE TRIGGER change_payment_begins BEFORE INSERT ON change_payments
  FOR EACH ROW EXECUTE FUNCTION begin_change_payment();

-- Its facts do not change; it leaves awaiting_payment once.
CREATE FUNCTION guard_change_payment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (to_jsonb(NEW) - 'status' - 'code' - 'updated_at') <> (to_jsonb(OLD) - 'status' - 'code' - 'updated_at')
     OR OLD.status <> 'awaiting_payment' THEN
    RAISE EXCEPTION 'a change that waits for its payment ends once' USING ERRCODE = 'OM018';
  END IF;
  IF NEW.status = 'applied' AND NOT EXISTS (
       SELECT FROM payments p WHERE p.order_no = NEW.order_no AND p.change_payment_no = NEW.payment_no
          AND p.kind = 'capture' AND p.purpose = 'supplement' AND p.status = 'succeeded'
          AND (p.amount_minor, p.currency) = (NEW.amount_minor, NEW.currency)) THEN
    RAISE EXCEPTION 'a change is paid before it is applied' USING ERRCODE = 'OM018';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER change_payment_guard BEFORE UPDATE ON change_payments
  FOR EACH ROW EXECUTE FUNCTION guard_change_payment();

-- At the end of the transaction a change that is paid is applied, as it was requested.
CREATE FUNCTION check_change_applied()
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

CREATE CONSTRAINT TRIGGER change_payment_is_applied AFTER UPDATE ON change_payments DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'applied' AND OLD.status <> 'applied') EXECUTE FUNCTION check_change_applied();

-- Releases what the change had reserved when it is undone.
CREATE FUNCTION undo_change_payment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  piece record;
  waits jsonb := '{}';
BEGIN
  FOR piece IN SELECT h.sku, h.quantity FROM jsonb_to_recordset(NEW.held) AS h (sku text, quantity bigint)
                WHERE h.quantity > 0 ORDER BY h.sku LOOP
    PERFORM release_for_change_payment(NEW, piece.sku, piece.quantity);
  END LOOP;
  IF EXISTS (SELECT FROM orders o WHERE o.order_no = NEW.order_no AND o.status = 'paid' AND o.cancelling IS NULL) THEN
    waits := '{"waiting": {"what": "carrier", "until": null, "next": "the carrier is booked"}}';
  END IF;
  INSERT INTO order_events (order_no, seq, type, data, actor)
  VALUES (NEW.order_no, 0, 'change_undone',
          waits || jsonb_build_object('code', NEW.code, 'amount_minor', NEW.amount_minor), 'system');
  RETURN NULL;
END $$;

CREATE TRIGGER change_payment_undone AFTER UPDATE OF status ON change_payments
  FOR EACH ROW WHEN (NEW.status = 'undone') EXECUTE FUNCTION undo_change_payment();

-- True while a change of the order waits for its payment.
CREATE FUNCTION is_awaiting_change_payment(of_order text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM change_payments s WHERE s.order_no = of_order AND s.status = 'awaiting_payment')
$$;

-- Returns units to stock: those of a change that is undone, or those that an applied change gives up.
CREATE FUNCTION release_for_change_payment(s change_payments, goods text, units bigint)
  RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE allocations a SET quantity = CASE WHEN a.quantity = units THEN a.quantity ELSE a.quantity - units END,
                           state = CASE WHEN a.quantity = units THEN 'released' ELSE a.state END
   WHERE a.order_no = s.order_no AND a.sku = goods AND a.warehouse = s.warehouse AND a.state = 'reserved';
  IF FOUND THEN
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, actor)
    VALUES (s.order_no || '/supplement/' || s.payment_no || '/release/' || goods, 'release', goods, s.warehouse,
            units, 0, -units, s.order_no, 'system');
  END IF;
END $$;

-- For processes of the previous version: the number that they write as the attempt of a change's payments.
CREATE FUNCTION supplement_attempt(supplement_no integer) RETURNS integer LANGUAGE sql IMMUTABLE
RETURN ('-1000'::integer - supplement_no);

-- For processes of the previous version, which write and read a payment's purpose as a negative number of its attempt.
-- Derives the columns from that form, and that form from the columns.
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
CREATE FUNCTION require_change_awaiting_payment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM payments p WHERE p.idempotency_key = NEW.idempotency_key) AND NOT EXISTS (
       SELECT FROM change_payments s WHERE s.order_no = NEW.order_no AND s.status = 'awaiting_payment'
          AND s.payment_no = NEW.change_payment_no
          AND (s.amount_minor, s.currency) = (NEW.amount_minor, NEW.currency)) THEN
    RAISE EXCEPTION 'no change waits for this payment' USING ERRCODE = 'OM018';
  END IF;
  RETURN NEW;
END $$;

-- Applies or undoes the change by the provider's answer, whoever writes it.
CREATE FUNCTION settle_change_payment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE open_one change_payments%ROWTYPE;
BEGIN
  PERFORM FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  SELECT * INTO open_one FROM change_payments s
   WHERE s.order_no = NEW.order_no AND s.payment_no = NEW.change_payment_no
     AND s.status = 'awaiting_payment';
  IF NEW.status = 'failed' AND open_one.order_no IS NOT NULL THEN
    UPDATE change_payments SET status = 'undone', code = coalesce(NEW.error_code, 'declined'), updated_at = now()
     WHERE order_no = NEW.order_no AND payment_no = open_one.payment_no;
  ELSIF NEW.status = 'succeeded' AND NEW.kind = 'capture' AND open_one.order_no IS NOT NULL THEN
    UPDATE change_payments SET status = 'applied', updated_at = now()
     WHERE order_no = NEW.order_no AND payment_no = open_one.payment_no;
  ELSIF NEW.status = 'succeeded' AND NEW.kind = 'capture' THEN
    -- Nothing waits for it any more: the order's workflow gives it back.
    UPDATE payments SET purpose = 'stray' WHERE payment_id = NEW.payment_id;
    INSERT INTO order_events (order_no, seq, type, data, actor)
    VALUES (NEW.order_no, 0, 'payment_returned', jsonb_build_object('amount_minor', NEW.amount_minor), 'system');
  END IF;
  RETURN NULL;
END $$;

-- Refuses to book a parcel for an order whose change waits for its payment.
CREATE FUNCTION skip_while_change_pending()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE rev integer;
BEGIN
  SELECT address_rev INTO rev FROM orders WHERE order_no = NEW.order_no FOR KEY SHARE;
  IF rev <> NEW.address_rev OR is_awaiting_change_payment(NEW.order_no) THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;

-- Undoes a waiting change when its order is cancelled or goes on.
CREATE FUNCTION cancel_change_payment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE change_payments SET status = 'undone', updated_at = now(),
         code = CASE WHEN NEW.cancelling IS NULL THEN 'label_printed' ELSE 'order_cancelled' END
   WHERE order_no = NEW.order_no AND status = 'awaiting_payment';
  RETURN NULL;
END $$;

-- Refuses to take the difference while the order must not be charged. A repeat finds its own intent, and a provider's
-- own notification is recorded.
CREATE FUNCTION require_chargeable_order()
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
    FROM change_payments s WHERE s.order_no = of_order AND s.payment_no = asked_no
$$;

-- Of tables in earlier files

CREATE TRIGGER order_cancels_change_payment AFTER UPDATE OF status, cancelling ON orders
  FOR EACH ROW WHEN (OLD.status = 'paid' AND (NEW.status <> 'paid' OR OLD.cancelling IS NULL
    AND NEW.cancelling IS NOT NULL))
  EXECUTE FUNCTION cancel_change_payment();
ALTER TABLE payments ADD CONSTRAINT payment_of_its_change FOREIGN KEY (order_no, change_payment_no)
  REFERENCES change_payments (order_no, payment_no);
CREATE TRIGGER both_attempt_forms BEFORE INSERT ON payments
  FOR EACH ROW WHEN (NEW.attempt IS NULL OR NEW.attempt < 1) EXECUTE FUNCTION write_both_attempt_forms();
CREATE TRIGGER change_payment_checks_holds BEFORE INSERT ON payments
  FOR EACH ROW WHEN (NEW.purpose = 'supplement' AND NEW.status = 'intent' AND (NEW.kind IN ('authorise', 'capture'))
    AND NEW.provider_ref IS NULL)
  EXECUTE FUNCTION require_chargeable_order();
CREATE TRIGGER change_payment_wanted BEFORE INSERT ON payments
  FOR EACH ROW WHEN (NEW.purpose = 'supplement' AND (NEW.kind IN ('authorise', 'capture')))
  EXECUTE FUNCTION require_change_awaiting_payment();
CREATE TRIGGER settles_change_payment AFTER UPDATE OF status ON payments
  FOR EACH ROW WHEN (NEW.purpose = 'supplement' AND (NEW.kind IN ('authorise', 'capture'))
    AND (NEW.status IN ('succeeded', 'failed')) AND OLD.status <> NEW.status)
  EXECUTE FUNCTION settle_change_payment();

-- Rights

GRANT SELECT ON change_payments TO oms_app;
GRANT INSERT (actor, after_enc, amount_minor, before_enc, change_no, currency, held, lines, method, note_enc, order_no,
  payment_no, place, ship_to_enc, slot_from, slot_to, token, total_after_minor, total_before_minor, until, warehouse,
  what) ON change_payments TO oms_app;
GRANT UPDATE (code, status, updated_at) ON change_payments TO oms_app;
REVOKE EXECUTE ON FUNCTION apply_change_payment(), begin_change_payment(), cancel_change_payment(),
  check_change_applied(), difference_until(text, integer), guard_change_payment(), is_awaiting_change_payment(text),
  release_for_change_payment(change_payments, text, bigint), require_change_awaiting_payment(),
  require_chargeable_order(), settle_change_payment(), skip_while_change_pending(), supplement_attempt(integer),
  undo_change_payment(), write_both_attempt_forms() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION difference_until(text, integer), is_awaiting_change_payment(text), supplement_attempt(integer)
  TO oms_app;
