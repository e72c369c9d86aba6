-- A customer cannot hold the shop's stock by placing orders that he does not pay. Who places says what is allowed, in
-- oms.unpaid_units of the transaction; where nothing is said, as for staff and channels, nothing is bounded.

CREATE INDEX orders_unpaid ON orders (customer_id)
  WHERE status IN ('received', 'pending_payment') AND placed_by LIKE 'customer:%';

-- One order of a customer at a time comes through here: the lock is held until its transaction ends, and the sum is
-- read after it was had.
CREATE FUNCTION require_unpaid_within(customer text, most bigint) RETURNS void LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  unpaid bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('unpaid units'), hashtext(customer));
  SELECT coalesce(sum(l.quantity - l.cancelled_quantity), 0) INTO unpaid
    FROM orders o JOIN order_lines l USING (order_no)
   WHERE o.customer_id = customer AND o.status IN ('received', 'pending_payment') AND o.placed_by LIKE 'customer:%';
  IF unpaid > most THEN
    RAISE EXCEPTION 'more than % units in unpaid orders of one customer', most USING ERRCODE = 'OM175';
  END IF;
END $$;

CREATE FUNCTION bound_unpaid_units() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  most bigint := nullif(nullif(current_setting('oms.unpaid_units', true), ''), '0')::bigint;
BEGIN
  IF most IS NOT NULL THEN
    PERFORM require_unpaid_within(NEW.customer_id, most);
  END IF;
  RETURN NULL;
END $$;
-- After the statement, which writes the lines, too.
CREATE TRIGGER order_within_unpaid_units AFTER INSERT ON orders FOR EACH ROW
  WHEN (NEW.placed_by LIKE 'customer:%') EXECUTE FUNCTION bound_unpaid_units();

REVOKE EXECUTE ON FUNCTION require_unpaid_within(text, bigint), bound_unpaid_units() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION require_unpaid_within(text, bigint) TO oms_app;
