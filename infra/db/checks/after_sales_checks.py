"""Consistency checks of returns and store credit."""

from infra.db.checks.check import Check

AFTER_SALES = (
    Check(
        "returned_units",
        "no more is on returns than was delivered, and the counters say so",
        """SELECT l.order_no || ' line ' || l.line_no AS place,
                  'returned ' || coalesce(sum(n.quantity) FILTER (WHERE s.counted), 0)
                    || ' of ' || (l.quantity - l.cancelled_quantity) AS expected,
                  'returned ' || l.returned_quantity AS found
             FROM order_lines l
             LEFT JOIN return_lines n USING (order_no, line_no)
             LEFT JOIN returns r USING (return_id)
             LEFT JOIN return_statuses s ON s.status = r.status
            GROUP BY l.order_no, l.line_no, l.quantity, l.cancelled_quantity, l.returned_quantity
           HAVING coalesce(sum(n.quantity) FILTER (WHERE s.counted), 0) <> l.returned_quantity
               OR l.returned_quantity NOT BETWEEN 0 AND l.quantity - l.cancelled_quantity""",
    ),
    Check(
        "returned_shelves",
        "what came back of a return is what was put on a shelf",
        """SELECT r.return_id || ' ' || n.sku AS place, 'on shelves ' || n.came AS expected,
                  'on shelves ' || coalesce(m.moved, 0) AS found
             FROM returns r
             JOIN (SELECT f.return_id, l.sku,
                          sum(f.quantity) FILTER (WHERE f.condition IN ('as_new', 'damaged')) AS came
                     FROM return_inspections f JOIN return_lines l USING (return_id, line_no)
                    WHERE f.stage = 'inspected' GROUP BY f.return_id, l.sku) n USING (return_id)
             LEFT JOIN (SELECT order_no, reference, sku, sum(quantity) AS moved FROM stock_movements
                         WHERE kind IN ('return_restock', 'quarantine_in') AND order_no IS NOT NULL
                         GROUP BY order_no, reference, sku) m
               ON m.order_no = r.order_no AND m.reference = r.return_id AND m.sku = n.sku
            WHERE coalesce(n.came, 0) <> coalesce(m.moved, 0)""",
    ),
    Check(
        "store_credit_balances",
        "store credit balances are the sums of their entries",
        """SELECT customer_id || ' ' || currency AS place,
                  'balance ' || coalesce(e.balance, 0) || ', held ' || coalesce(e.held, 0) AS expected,
                  'balance ' || coalesce(b.balance_minor, 0) || ', held ' || coalesce(b.held_minor, 0) AS found
             FROM store_credits b
             FULL JOIN (SELECT customer_id, currency, sum(balance_delta) AS balance, sum(held_delta) AS held
                          FROM store_credit_entries WHERE kind <> 'declined' GROUP BY customer_id, currency) e
               USING (customer_id, currency)
            WHERE (coalesce(b.balance_minor, 0), coalesce(b.held_minor, 0))
                  <> (coalesce(e.balance, 0), coalesce(e.held, 0))
               OR coalesce(b.balance_minor, 0) < 0 OR coalesce(b.held_minor, 0) < 0""",
    ),
    Check(
        "store_credit_payments",
        "store credit moves with its payments, one to one",
        # Between the balance's own transaction and the payment's outcome the payment is still an intent.
        """SELECT 'key ' || idempotency_key AS place,
                  coalesce(p.kind || ' ' || p.amount_minor || ' ' || p.status, 'no payment') AS expected,
                  coalesce(e.kind || ' ' || e.amount_minor, 'no entry') AS found
             FROM (SELECT * FROM payments WHERE provider = 'store_credit' AND kind IN ('capture', 'refund')) p
             FULL JOIN (SELECT * FROM store_credit_entries WHERE kind IN ('granted', 'spent', 'returned')) e
               USING (idempotency_key)
            WHERE (e.entry_id IS NULL AND p.status = 'succeeded') OR p.payment_id IS NULL
               OR (e.entry_id IS NOT NULL AND (p.status = 'failed' OR p.amount_minor <> e.amount_minor
                   OR (p.kind = 'capture') <> (e.kind = 'spent') OR p.order_no <> e.order_no))""",
    ),
    Check(
        "store_credit_owed",
        "what customers are owed in store credit is what they can spend",
        """SELECT customer_id || ' ' || currency AS place, coalesce(l.owed, 0)::text AS expected,
                  (coalesce(b.balance_minor + b.held_minor, 0) - coalesce(u.unposted, 0))::text AS found
             FROM store_credits b
             FULL JOIN (SELECT o.customer_id, a.currency, sum(a.amount) AS owed
                          FROM (SELECT order_no, currency, amount_minor AS amount FROM payment_ledger
                                 WHERE credit_account = 'store_credit:customer'
                                UNION ALL
                                SELECT order_no, currency, -amount_minor FROM payment_ledger
                                 WHERE debit_account = 'store_credit:customer') a
                          JOIN orders o USING (order_no) GROUP BY o.customer_id, a.currency) l
               USING (customer_id, currency)
             LEFT JOIN (SELECT e.customer_id, e.currency, sum(e.balance_delta + e.held_delta) AS unposted
                          FROM store_credit_entries e
                          JOIN payments p ON p.idempotency_key = e.idempotency_key AND p.status <> 'succeeded'
                         WHERE e.kind IN ('granted', 'spent', 'returned') GROUP BY e.customer_id, e.currency) u
               USING (customer_id, currency)
            WHERE coalesce(l.owed, 0) <> coalesce(b.balance_minor + b.held_minor, 0) - coalesce(u.unposted, 0)""",
    ),
)
