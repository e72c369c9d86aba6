"""Consistency checks of orders, their lines, refunds, documents and events."""

from infra.db.checks.check import Check

ORDERS = (
    Check(
        "order_lines",
        "orders cost what their lines cost",
        """SELECT o.order_no AS place, coalesce(l.worth, 0)::text AS expected, o.items_minor::text AS found
             FROM orders o
             LEFT JOIN (SELECT order_no, sum((quantity - cancelled_quantity) * unit_price_minor) AS worth
                          FROM order_lines GROUP BY order_no) l USING (order_no)
            WHERE coalesce(l.worth, 0) <> o.items_minor""",
    ),
    Check(
        "line_shares",
        "what lines were sold for adds up to their order's total",
        """SELECT o.order_no AS place,
                  concat_ws(' ', o.total_minor, o.discount_minor, o.shipping_minor, o.tax_minor, o.tax_added_minor)
                    AS expected,
                  concat_ws(' ', l.paid, l.discount, l.shipping, l.tax, l.added) AS found
             FROM orders o
             LEFT JOIN LATERAL (SELECT coalesce(sum(paid_minor), 0) AS paid,
                                       coalesce(sum(discount_minor), 0) AS discount,
                                       coalesce(sum(shipping_minor), 0) AS shipping, coalesce(sum(tax_minor), 0) AS tax,
                                       coalesce(sum(tax_added_minor), 0) AS added
                                  FROM (SELECT paid_minor, discount_minor, shipping_minor, tax_minor, tax_added_minor
                                          FROM order_lines WHERE order_no = o.order_no
                                        UNION ALL
                                        SELECT items_minor - discount_minor + shipping_minor + tax_added_minor,
                                               discount_minor, shipping_minor, tax_minor, tax_added_minor
                                          FROM order_change_lines WHERE order_no = o.order_no AND kept_line) x) l
                  ON true
            WHERE (o.total_minor, o.discount_minor, o.shipping_minor, o.tax_minor, o.tax_added_minor)
                  <> (l.paid, l.discount, l.shipping, l.tax, l.added)""",
    ),
    Check(
        "line_refunds",
        "what is refunded of lines is the sum of their refunds",
        """SELECT l.order_no || ' line ' || l.line_no AS place,
                  concat_ws(' ', coalesce(r.amount, 0), coalesce(r.shipping, 0), coalesce(r.units, 0)) AS expected,
                  concat_ws(' ', l.refunded_minor, l.refunded_shipping_minor, l.refunded_quantity) AS found
             FROM order_lines l
             LEFT JOIN (SELECT f.order_no, n.line_no, sum(n.amount_minor) AS amount, sum(n.shipping_minor) AS shipping,
                               sum(n.quantity) AS units
                          FROM refunds f JOIN refund_lines n USING (refund_id)
                         WHERE f.status NOT IN ('refused', 'overtaken') GROUP BY f.order_no, n.line_no) r
               ON (r.order_no, r.line_no) = (l.order_no, l.line_no)
            WHERE (l.refunded_minor, l.refunded_shipping_minor, l.refunded_quantity)
                  <> (coalesce(r.amount, 0), coalesce(r.shipping, 0), coalesce(r.units, 0))""",
    ),
    Check(
        "refund_sums",
        "refunds are the sums of their lines and of their parts, and are paid when their parts are",
        """SELECT f.refund_id AS place,
                  concat_ws(' ', f.amount_minor, f.amount_minor, (f.status = 'succeeded')) AS expected,
                  concat_ws(' ', n.amount, x.amount, x.paid) AS found
             FROM refunds f
             LEFT JOIN LATERAL (SELECT coalesce(sum(amount_minor), 0) AS amount FROM refund_lines
                                 WHERE refund_id = f.refund_id) n ON true
             LEFT JOIN LATERAL (SELECT coalesce(sum(p.amount_minor), 0) AS amount, bool_and(EXISTS (
                                         SELECT FROM payments m WHERE m.refund_id = p.refund_id
                                            AND m.parent_id = p.payment_id AND m.status = 'succeeded')) AS paid
                                  FROM refund_allocations p WHERE p.refund_id = f.refund_id) x ON true
            WHERE (f.amount_minor, f.amount_minor) <> (n.amount, x.amount)
               OR (f.status = 'succeeded' AND x.paid IS NOT TRUE)""",
    ),
    Check(
        "documents",
        "invoices and credit notes add up: items less discount, with added tax and shipping",
        # Credit notes once said neither prices nor discount.
        """SELECT d.document_no AS place,
                  concat_ws(' ', l.items, l.discount, l.tax, d.total_minor - c.shipping) AS expected,
                  concat_ws(' ', c.items, c.discount, c.tax, c.items - c.discount + c.tax_added) AS found
             FROM documents d,
                  LATERAL (SELECT (d.content ->> 'items_minor')::bigint AS items,
                                  (d.content ->> 'discount_minor')::bigint AS discount,
                                  (d.content ->> 'tax_added_minor')::bigint AS tax_added,
                                  (d.content ->> 'shipping_minor')::bigint AS shipping, d.tax_minor AS tax) c,
                  LATERAL (SELECT coalesce(sum(quantity * unit_price_minor), 0) AS items,
                                  coalesce(sum(discount_minor), 0) AS discount, coalesce(sum(tax_minor), 0) AS tax,
                                  coalesce(sum(total_minor), 0) AS goods
                             FROM jsonb_to_recordset(d.content -> 'lines') AS n (quantity bigint,
                                  unit_price_minor bigint, discount_minor bigint, tax_minor bigint,
                                  total_minor bigint)) l
            WHERE (c.items, c.discount, c.tax, c.items - c.discount + c.tax_added, c.tax_added BETWEEN 0 AND c.tax)
                  <> (l.items, l.discount, l.tax, l.goods, true)
               AND NOT (d.kind = 'credit_note' AND (c.items, c.discount) = (0, 0))
               OR l.goods + c.shipping <> d.total_minor""",
    ),
    Check(
        "credit_notes",
        "invoices less their credit notes are what was paid less what disputes took or went back with a credit note",
        # Of a cancelled order nothing is kept: what is not back yet, or came to us again, goes to the customer.
        """SELECT d.document_no AS place,
                  (coalesce(p.captured, 0) - coalesce(n.given_back, 0) - x.lost)::text AS expected,
                  (i.invoiced - coalesce(n.credited, 0))::text AS found
             FROM documents d
             JOIN LATERAL (SELECT sum(v.total_minor) AS invoiced FROM documents v
                            WHERE v.order_no = d.order_no AND v.kind = 'invoice') i ON true
             LEFT JOIN LATERAL (SELECT sum(m.amount_minor) AS captured FROM payments m
                                 WHERE m.order_no = d.order_no AND m.kind = 'capture' AND m.status = 'succeeded'
                                   AND (m.purpose IN ('order', 'supplement') OR m.purpose = 'guarantee' AND EXISTS (
                                     SELECT FROM guarantees g WHERE g.order_no = m.order_no AND g.status = 'claimed'
                                        AND g.return_id = m.guarantee_return_id)
                                     OR m.purpose = 'stray' AND EXISTS (
                                     SELECT FROM payments e JOIN orders o USING (order_no)
                                      WHERE e.order_no = m.order_no AND e.parent_id = m.payment_id
                                        AND o.status = 'cancelled' AND (
                                          e.kind = 'dispute_won' OR is_reversed(e.payment_id, e.order_no))))) p ON true
             JOIN LATERAL (SELECT coalesce(sum(lost_minor(y.payment_id)), 0) AS lost
                             FROM disputes y JOIN orders o USING (order_no)
                            WHERE y.order_no = d.order_no AND y.status = 'lost' AND (o.status <> 'cancelled' OR EXISTS (
                                    SELECT FROM documents v WHERE v.dispute_id = y.payment_id))) x ON true
             LEFT JOIN LATERAL (
                    SELECT sum(c.total_minor) AS credited, sum(CASE WHEN c.dispute_id IS NOT NULL THEN 0
                             WHEN c.refund_id IS NULL THEN c.total_minor - k.kept ELSE r.paid END) AS given_back
                      FROM documents c
                      LEFT JOIN LATERAL (SELECT sum(x.amount_minor) AS paid FROM refund_allocations x
                                          WHERE x.refund_id = c.refund_id AND EXISTS (
                                            SELECT FROM payments m WHERE m.refund_id = x.refund_id
                                               AND m.parent_id = x.payment_id AND m.amount_minor = x.amount_minor
                                               AND (m.status = 'succeeded'
                                                 OR is_reversed(m.payment_id, m.order_no)))) r ON true
                      LEFT JOIN LATERAL (SELECT coalesce(sum(t.captured_minor - t.refunded_minor - t.promised_minor
                                                               - t.disputed_minor - t.settled_minor), 0) AS kept
                                           FROM payments m JOIN payment_totals t USING (payment_id)
                                          WHERE m.order_no = c.order_no
                                            AND m.purpose IN ('order', 'supplement', 'guarantee', 'terms')) k ON true
                     WHERE c.order_no = d.order_no AND c.kind = 'credit_note') n ON true
            WHERE d.kind = 'invoice' AND d.supplement_no IS NULL AND d.return_id IS NULL
              AND i.invoiced - coalesce(n.credited, 0)
                  <> coalesce(p.captured, 0) - coalesce(n.given_back, 0) - x.lost
           UNION ALL
           SELECT c.document_no, c.total_minor || ' of invoices', coalesce(sum(p.total_minor), 0) || ' of invoices'
             FROM documents c LEFT JOIN credit_note_parts p ON p.credit_note_no = c.document_no
            WHERE c.kind = 'credit_note' GROUP BY c.document_no
           HAVING (coalesce(sum(p.total_minor), 0), coalesce(sum(p.tax_minor), 0)) <> (c.total_minor, c.tax_minor)""",
    ),
    # A part that was given up keeps its lines: their money went back.
    Check(
        "fulfilments",
        "the parts in which an order ships have all of its lines",
        """SELECT o.order_no || ' line ' || l.line_no AS place, (l.quantity - l.cancelled_quantity)::text AS expected,
                  coalesce(n.units, 0)::text AS found
             FROM orders o JOIN order_lines l USING (order_no)
             LEFT JOIN (SELECT order_no, line_no, sum(quantity) AS units FROM fulfilment_lines
                         GROUP BY order_no, line_no) n USING (order_no, line_no)
            WHERE o.status <> 'cancelled' AND EXISTS (SELECT FROM fulfilments f WHERE f.order_no = o.order_no)
              AND coalesce(n.units, 0) <> l.quantity - l.cancelled_quantity""",
    ),
    Check(
        "event_numbers",
        "events are numbered without gaps",
        """SELECT o.order_no AS place, '1 to ' || o.event_seq AS expected,
                  coalesce(min(e.seq) || ' to ' || max(e.seq), 'none') || ', ' || count(e.seq) || ' events' AS found
             FROM orders o LEFT JOIN order_events e USING (order_no)
            GROUP BY o.order_no
           HAVING (coalesce(min(e.seq), 0), coalesce(max(e.seq), 0), count(e.seq)) <> (1, o.event_seq, o.event_seq)""",
    ),
    Check(
        "order_status",
        "an order's status is where its events lead",
        """SELECT o.order_no AS place, coalesce(last.to_status, 'no event') AS expected, o.status AS found
             FROM orders o
             LEFT JOIN (SELECT DISTINCT ON (order_no) order_no, to_status FROM order_events
                         WHERE to_status IS NOT NULL ORDER BY order_no, seq DESC) last USING (order_no)
            WHERE last.to_status IS DISTINCT FROM o.status""",
    ),
    Check(
        "transitions",
        "each status change follows the one before, along the transition table",
        """SELECT c.order_no || ' event ' || c.seq AS place, 'a transition from ' || c.before AS expected,
                  c.type || ' from ' || coalesce(c.from_status, 'nothing') || ' to ' || c.to_status AS found
             FROM (SELECT order_no, seq, type, from_status, to_status,
                          lag(to_status) OVER (PARTITION BY order_no ORDER BY seq) AS before
                     FROM order_events WHERE to_status IS NOT NULL) c
            WHERE c.before IS NOT NULL
              AND (c.from_status IS DISTINCT FROM c.before OR NOT EXISTS (
                    SELECT FROM order_transitions t
                     WHERE t.from_status = c.from_status AND t.event = c.type AND t.to_status = c.to_status))""",
    ),
)
