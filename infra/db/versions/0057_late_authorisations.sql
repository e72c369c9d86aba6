-- As before; an authorisation of ours that succeeded when the order cost something else already is given up, too.
CREATE OR REPLACE FUNCTION money_to_return(asked_order_no text, everything boolean)
  RETURNS TABLE (payment_id bigint, kind text, purpose text, amount_minor bigint) STABLE LANGUAGE sql
  SET search_path = pg_catalog, public, pg_temp AS $$
  WITH held AS (
    SELECT p.payment_id, 'refund' AS kind, p.purpose, t.captured_minor - given_back_minor(p.order_no, p.payment_id) AS left_minor
      FROM payments p JOIN payment_totals t USING (payment_id)
     WHERE p.order_no = asked_order_no AND p.kind = 'capture' AND p.status = 'succeeded'
       AND (everything OR p.purpose = 'stray')
       AND t.captured_minor > given_back_minor(p.order_no, p.payment_id)
    UNION ALL
    SELECT a.payment_id, 'void', a.purpose, a.amount_minor
      FROM payments a JOIN orders o USING (order_no)
     WHERE a.order_no = asked_order_no AND a.kind = 'authorise' AND a.status = 'succeeded' AND a.purpose <> 'guarantee'
       AND NOT EXISTS (SELECT FROM payments v WHERE v.order_no = a.order_no AND v.parent_id = a.payment_id
                          AND v.status = 'succeeded' AND v.kind IN ('void', 'capture'))
       AND (everything OR (
             NOT (a.purpose = 'supplement' AND is_awaiting_supplement(a.order_no))
         AND (a.purpose = 'stray'
              OR a.attempt < coalesce((SELECT max(r.attempt) FROM payment_requests r WHERE r.order_no = asked_order_no), 0)
              OR EXISTS (SELECT FROM payments c WHERE c.order_no = a.order_no AND c.parent_id = a.payment_id
                            AND c.kind = 'capture' AND c.status = 'failed')
              OR o.status NOT IN ('received', 'pending_payment'))))),
  known AS (
    SELECT h.*, EXISTS (SELECT FROM payments q WHERE q.order_no = asked_order_no AND q.parent_id = h.payment_id
                           AND q.kind = h.kind AND q.status = 'pending') AS on_its_way FROM held h)
  SELECT k.payment_id, k.kind, k.purpose, k.left_minor FROM known k
   WHERE everything OR NOT k.on_its_way OR (SELECT bool_and(a.on_its_way) FROM known a)
$$;
