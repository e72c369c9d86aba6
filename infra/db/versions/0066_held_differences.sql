-- What keeps an order from being paid keeps the difference of a change from being taken; the time to pay it stands still
-- meanwhile.
CREATE FUNCTION takes_no_money(of_order text) RETURNS boolean STABLE LANGUAGE sql
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM holds h WHERE h.order_no = of_order AND h.closed_at IS NULL AND 'pending_payment' = ANY (h.stops))
$$;

-- Until when a change waits for its difference: without end while such a hold is on; what was left of its time when it
-- was put on, and a minute at least, begins again when it is released.
CREATE FUNCTION difference_until(of_order text, asked_no integer) RETURNS timestamptz STABLE LANGUAGE sql
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE WHEN takes_no_money(s.order_no) THEN 'infinity' ELSE greatest(s.until, (
           SELECT max(h.closed_at + greatest(s.until - greatest(h.put_on_at, s.created_at), interval '1 minute'))
             FROM holds h WHERE h.order_no = s.order_no AND h.closed_at > s.created_at AND 'pending_payment' = ANY (h.stops))) END
    FROM order_supplements s WHERE s.order_no = of_order AND s.supplement_no = asked_no
$$;

-- A repeat finds its own intent; what a provider tells of by itself is kept.
CREATE FUNCTION difference_heeds_holds() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM FROM orders WHERE order_no = NEW.order_no FOR KEY SHARE;
  IF takes_no_money(NEW.order_no) AND NOT EXISTS (SELECT FROM payments p WHERE p.idempotency_key = NEW.idempotency_key) THEN
    RAISE EXCEPTION 'order_is_held' USING ERRCODE = 'OM006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER supplement_payment_heeds_holds BEFORE INSERT ON payments FOR EACH ROW
  WHEN (NEW.purpose = 'supplement' AND NEW.status = 'intent' AND NEW.kind IN ('authorise', 'capture')
        AND NEW.provider_ref IS NULL)
  EXECUTE FUNCTION difference_heeds_holds();

-- As before; a change that is given up moves nothing but an authorisation, and a refund that is paid as store credit moves
-- what one that was paid by hand does. What a skipped step is about counts as it is now where that is more.
CREATE OR REPLACE FUNCTION moved_minor(asked_order_no text, step text, action text, amount_minor bigint) RETURNS bigint
  STABLE LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE WHEN action = 'compensate' AND step = 'supplement' THEN 0
              WHEN action = 'compensate' THEN coalesce((SELECT sum(t.captured_minor - t.refunded_minor - t.disputed_minor)
                FROM payments p JOIN payment_totals t USING (payment_id) WHERE p.order_no = asked_order_no), 0)::bigint
              WHEN (action = 'skip' AND step IN ('capture', 'return_payment', 'refund', 'guarantee'))
                OR (action = 'amend' AND step = 'refund')
                THEN greatest(amount_minor, at_stake_minor(asked_order_no, step, (SELECT p.subject FROM parked_steps p
                                WHERE p.order_no = asked_order_no AND p.resolved_at IS NULL)))
              ELSE 0 END
$$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION takes_no_money, difference_until TO oms_app;
