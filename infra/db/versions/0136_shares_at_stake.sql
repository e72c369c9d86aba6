-- What waits to be captured with a fulfilment is no money to return, and the step that captures one is about its share.
CREATE FUNCTION awaits_shipment_capture(asked_order_no text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM orders o JOIN fulfilments f USING (order_no)
     WHERE o.order_no = asked_order_no AND o.capture = 'shipment' AND o.status <> 'cancelled' AND f.status <> 'cancelled'
       AND (SELECT sum(l.goods_minor + l.shipping_minor) FROM capture_lines l
             WHERE l.order_no = f.order_no AND l.fulfilment_no = f.number) IS DISTINCT FROM 0
       AND NOT EXISTS (SELECT FROM payments c WHERE c.order_no = f.order_no AND c.fulfilment_no = f.number
                          AND c.kind = 'capture' AND c.purpose = 'order' AND c.status = 'succeeded'))
$$;

CREATE OR REPLACE FUNCTION money_to_return(asked_order_no text, everything boolean)
  RETURNS TABLE(payment_id bigint, kind text, purpose text, amount_minor bigint) LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  WITH held AS (
    SELECT p.payment_id, 'refund' AS kind, p.purpose, t.captured_minor - given_back_minor(p.order_no, p.payment_id) AS left_minor
      FROM payments p JOIN payment_totals t USING (payment_id)
     WHERE p.order_no = asked_order_no AND p.kind = 'capture' AND p.status = 'succeeded'
       AND (everything OR p.purpose = 'stray')
       AND t.captured_minor > given_back_minor(p.order_no, p.payment_id)
    UNION ALL
    SELECT a.payment_id, 'void', a.purpose, a.amount_minor - taken.minor
      FROM payments a JOIN orders o USING (order_no),
           LATERAL (SELECT coalesce(sum(c.amount_minor), 0)::bigint AS minor FROM payments c
                     WHERE c.order_no = a.order_no AND c.parent_id = a.payment_id AND c.kind = 'capture'
                       AND c.status = 'succeeded' AND c.fulfilment_no IS NOT NULL) taken
     WHERE a.order_no = asked_order_no AND a.kind = 'authorise' AND a.status = 'succeeded' AND a.purpose <> 'guarantee'
       AND NOT EXISTS (SELECT FROM payments v WHERE v.order_no = a.order_no AND v.parent_id = a.payment_id
                          AND v.status = 'succeeded'
                          AND (v.kind = 'void' OR (v.kind = 'capture' AND v.fulfilment_no IS NULL)))
       AND a.amount_minor > taken.minor
       AND (everything OR (
             NOT (a.purpose = 'supplement' AND is_awaiting_change_payment(a.order_no))
         AND (a.purpose = 'stray'
              OR (a.attempt < coalesce((SELECT max(r.attempt) FROM payment_requests r WHERE r.order_no = asked_order_no), 0))
                 IS NOT FALSE
              OR EXISTS (SELECT FROM payments c WHERE c.order_no = a.order_no AND c.parent_id = a.payment_id
                            AND c.kind = 'capture' AND c.status = 'failed' AND c.fulfilment_no IS NULL)
              OR (o.status NOT IN ('received', 'pending_payment') AND NOT awaits_shipment_capture(o.order_no)))))),
  known AS (
    SELECT h.*, EXISTS (SELECT FROM payments q WHERE q.order_no = asked_order_no AND q.parent_id = h.payment_id
                           AND q.kind = h.kind AND q.status = 'pending') AS on_its_way FROM held h)
  SELECT k.payment_id, k.kind, k.purpose, k.left_minor FROM known k
   WHERE everything OR NOT k.on_its_way OR (SELECT bool_and(a.on_its_way) FROM known a)
$$;

CREATE OR REPLACE FUNCTION at_stake_minor(asked_order_no text, asked_step text, asked_subject text)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce(CASE asked_step
    WHEN 'refund' THEN (SELECT coalesce(sum(x.amount_minor), 0) FROM refund_allocations x JOIN refunds r USING (refund_id)
                         WHERE r.refund_id = asked_subject AND r.order_no = asked_order_no AND r.status = 'approved'
                           AND NOT EXISTS (SELECT FROM payments m WHERE m.refund_id = x.refund_id
                                              AND m.parent_id = x.payment_id AND m.status = 'succeeded'))::bigint
    WHEN 'guarantee' THEN (SELECT CASE WHEN guarantee_is_due(g.return_id)
                                       THEN CASE g.status WHEN 'claim_due' THEN g.claim_minor ELSE g.amount_minor END
                                       ELSE 0 END
                             FROM guarantees g WHERE g.return_id = asked_subject AND g.order_no = asked_order_no)
    WHEN 'capture' THEN (SELECT sum(c.goods_minor + c.shipping_minor)
                           FROM fulfilments f JOIN capture_lines c ON (c.order_no, c.fulfilment_no) = (f.order_no, f.number)
                          WHERE f.fulfilment_id = asked_subject AND f.order_no = asked_order_no)::bigint
    WHEN 'supplement' THEN (SELECT u.amount_minor FROM change_payments u
                             WHERE u.order_no = asked_order_no AND u.payment_no::text = asked_subject)
    WHEN 'return_payment' THEN (SELECT coalesce(sum(m.amount_minor), 0)
                                  FROM money_to_return(asked_order_no, asked_subject = 'all') m)::bigint
  END, (SELECT o.total_minor FROM orders o WHERE o.order_no = asked_order_no))
$$;

REVOKE EXECUTE ON FUNCTION awaits_shipment_capture(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION awaits_shipment_capture(text) TO oms_app;
