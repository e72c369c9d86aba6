-- Units that a change holds until its difference is paid are reserved and unpaid like those of an unpaid order.
CREATE OR REPLACE FUNCTION require_unpaid_within(customer text, most bigint) RETURNS void LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  unpaid bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('unpaid units'), hashtext(customer));
  SELECT coalesce(sum(l.quantity - l.cancelled_quantity), 0) INTO unpaid
    FROM orders o JOIN order_lines l USING (order_no)
   WHERE o.customer_id = customer AND o.status IN ('received', 'pending_payment') AND o.placed_by LIKE 'customer:%';
  SELECT unpaid + coalesce(sum(h.quantity), 0) INTO unpaid
    FROM order_supplements s JOIN orders o USING (order_no)
    CROSS JOIN LATERAL jsonb_to_recordset(s.held) AS h (sku text, quantity bigint)
   WHERE s.status = 'awaiting_payment' AND s.actor LIKE 'customer:%' AND o.customer_id = customer AND h.quantity > 0;
  IF unpaid > most THEN
    RAISE EXCEPTION 'more than % units in unpaid orders of one customer', most USING ERRCODE = 'OM175';
  END IF;
END $$;
