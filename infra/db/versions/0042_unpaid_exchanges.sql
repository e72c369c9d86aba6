-- Goods that a customer wants in exchange are unpaid where they are worth more than what comes back: also while they
-- are wanted only, so that many wishes at once hold no more than one.
CREATE INDEX orders_unpaid_exchange ON orders (customer_id)
  WHERE status IN ('received', 'pending_payment') AND type = 'exchange';
CREATE INDEX returns_exchanging ON returns (requested_by)
  WHERE resolution = 'exchange' AND status IN ('requested', 'approved', 'in_transit', 'received', 'inspected');

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
  SELECT unpaid + coalesce(sum(l.quantity - l.cancelled_quantity), 0) INTO unpaid
    FROM orders o JOIN returns r ON r.return_id = o.exchange_return JOIN order_lines l ON l.order_no = o.order_no
   WHERE o.customer_id = customer AND o.status IN ('received', 'pending_payment') AND o.type = 'exchange'
     AND o.total_minor > 0 AND o.placed_by NOT LIKE 'customer:%' AND r.requested_by LIKE 'customer:%';
  SELECT unpaid + coalesce(sum(w.units), 0) INTO unpaid
    FROM returns r JOIN exchanges e USING (return_id)
    CROSS JOIN LATERAL (SELECT sum(x.quantity) AS units, sum(x.quantity * x.unit_price_minor) AS worth_minor
                          FROM exchange_lines x WHERE x.return_id = r.return_id) AS w
    CROSS JOIN LATERAL (SELECT sum(b.quantity * l.unit_price_minor) AS worth_minor
                          FROM return_lines b JOIN order_lines l USING (order_no, line_no)
                         WHERE b.return_id = r.return_id) AS back
   WHERE r.requested_by = 'customer:' || customer AND r.resolution = 'exchange' AND e.status = 'wanted'
     AND r.status IN ('requested', 'approved', 'in_transit', 'received', 'inspected')
     AND w.worth_minor > back.worth_minor;
  IF unpaid > most THEN
    RAISE EXCEPTION 'more than % units in unpaid orders of one customer', most USING ERRCODE = 'OM175';
  END IF;
END $$;
