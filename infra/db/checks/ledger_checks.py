"""Consistency checks of stock and the payment ledger."""

from infra.db.checks.check import Check

LEDGER = (
    Check(
        "stock_levels",
        "stock levels are the sums of their movements",
        """SELECT sku || ' at ' || warehouse AS place,
                  'on hand ' || coalesce(m.on_hand, 0) || ', reserved ' || coalesce(m.reserved, 0)
                    || ', quarantined ' || coalesce(m.quarantined, 0) AS expected,
                  'on hand ' || coalesce(l.on_hand, 0) || ', reserved ' || coalesce(l.reserved, 0)
                    || ', quarantined ' || coalesce(l.quarantined, 0) AS found
             FROM stock_levels l
             FULL JOIN (SELECT sku, warehouse, sum(on_hand_delta) AS on_hand, sum(reserved_delta) AS reserved,
                               sum(quarantined_delta) AS quarantined
                          FROM stock_movements GROUP BY sku, warehouse) m USING (sku, warehouse)
            WHERE (coalesce(l.on_hand, 0), coalesce(l.reserved, 0), coalesce(l.quarantined, 0))
                  <> (coalesce(m.on_hand, 0), coalesce(m.reserved, 0), coalesce(m.quarantined, 0))""",
    ),
    Check(
        "stock_locations",
        "locations have the sums of their movements, and together what is placed in their warehouse",
        """SELECT sku || ' at ' || warehouse || ', ' || location AS place, 'on hand ' || coalesce(m.sum, 0) AS expected,
                  'on hand ' || coalesce(l.on_hand, 0) AS found
             FROM location_levels l
             FULL JOIN (SELECT sku, warehouse, location, sum(delta) FROM location_movements
                         GROUP BY sku, warehouse, location) m USING (sku, warehouse, location)
            WHERE coalesce(l.on_hand, 0) <> coalesce(m.sum, 0)
           UNION ALL
           SELECT sku || ' at ' || warehouse, 'placed ' || coalesce(l.sum, 0), 'placed ' || coalesce(s.placed, 0)
             FROM (SELECT sku, warehouse, placed FROM stock_levels WHERE placed > 0) s
             FULL JOIN (SELECT sku, warehouse, sum(on_hand) FROM location_levels GROUP BY sku, warehouse) l
               USING (sku, warehouse)
            WHERE coalesce(s.placed, 0) <> coalesce(l.sum, 0)""",
    ),
    Check(
        "stock_incoming",
        "what is incoming is open on purchase orders",
        """SELECT sku || ' at ' || warehouse AS place, 'incoming ' || coalesce(o.open, 0) AS expected,
                  'incoming ' || coalesce(l.incoming, 0) AS found
             FROM (SELECT sku, warehouse, incoming FROM stock_levels WHERE incoming > 0) l
             FULL JOIN (SELECT n.sku, p.warehouse, sum(n.open) AS open
                          FROM purchase_order_lines n JOIN purchase_orders p USING (number)
                         WHERE n.open > 0 GROUP BY n.sku, p.warehouse) o USING (sku, warehouse)
            WHERE coalesce(l.incoming, 0) <> coalesce(o.open, 0)""",
    ),
    Check(
        "stock_transfers",
        "transfers have what their movements say, and end",
        """SELECT 'transfer ' || l.transfer_id || ' ' || l.sku AS place,
                  'shipped ' || coalesce(m.shipped, 0) || ', received ' || coalesce(m.received, 0) AS expected,
                  'shipped ' || l.shipped || ', received ' || l.received AS found
             FROM stock_transfer_lines l
             LEFT JOIN (SELECT k.transfer_id, m.sku, sum(m.quantity) FILTER (WHERE m.kind = 'transfer_out') AS shipped,
                               sum(m.quantity) FILTER (WHERE m.kind = 'transfer_in') AS received
                          FROM stock_transfer_movements k JOIN stock_movements m USING (movement_id)
                         GROUP BY k.transfer_id, m.sku) m USING (transfer_id, sku)
            WHERE (l.shipped, l.received) <> (coalesce(m.shipped, 0), coalesce(m.received, 0))
           UNION ALL
           SELECT 'transfer ' || transfer_id, 'received or cancelled', status || ' for 30 days after its day'
             FROM stock_transfers
            WHERE status IN ('requested', 'shipped') AND due_at < now() - interval '30 days'""",
    ),
    Check(
        "stock_of_ended_orders",
        "nothing is reserved for an order that is over",
        """SELECT a.order_no || ' ' || a.sku AS place, 'nothing reserved' AS expected,
                  'reserved ' || a.quantity || ', order ' || o.status AS found
             FROM reservations a JOIN orders o USING (order_no)
            WHERE a.state = 'reserved' AND o.status IN ('completed', 'cancelled')""",
    ),
    Check(
        "stock_reserved",
        "reserved stock is what orders hold",
        """SELECT sku || ' at ' || warehouse AS place,
                  'reserved ' || coalesce(a.held, 0) AS expected, 'reserved ' || coalesce(l.reserved, 0) AS found
             FROM stock_levels l
             FULL JOIN (SELECT sku, warehouse, sum(quantity) AS held FROM reservations
                         WHERE state = 'reserved' GROUP BY sku, warehouse) a USING (sku, warehouse)
            WHERE coalesce(l.reserved, 0) <> coalesce(a.held, 0)""",
    ),
    Check(
        "stock_promised",
        "no stock is promised twice or below zero",
        """SELECT sku || ' at ' || warehouse AS place, '0 <= reserved <= on hand' AS expected,
                  'on hand ' || on_hand || ', reserved ' || reserved AS found
             FROM stock_levels WHERE reserved < 0 OR on_hand < reserved""",
    ),
    Check(
        "ledger_entries",
        "each succeeded payment has its ledger entry, no other has one",
        """SELECT 'payment ' || coalesce(p.payment_id, l.payment_id) AS place,
                  CASE WHEN p.status = 'succeeded' THEN 'one entry' ELSE 'no entry' END AS expected,
                  CASE WHEN l.payment_id IS NULL THEN 'no entry' ELSE 'an entry' END AS found
             FROM payments p FULL JOIN payment_ledger l USING (payment_id)
            WHERE (p.status IS NOT DISTINCT FROM 'succeeded') <> (l.payment_id IS NOT NULL)
              AND NOT (p.kind = 'refund' AND is_reversed(p.payment_id, p.order_no))""",
    ),
    Check(
        "ledger_amounts",
        "ledger entries say what their payments say",
        # Store credit is no provider that owes us: it is what we owe.
        """SELECT 'entry ' || l.entry_id AS place,
                  concat_ws(' ', p.order_no, p.amount_minor, p.currency, r.debit, r.credit) AS expected,
                  concat_ws(' ', l.order_no, l.amount_minor, l.currency, l.debit_account, l.credit_account) AS found
             FROM payment_ledger l JOIN payments p USING (payment_id)
             JOIN LATERAL (SELECT replace(replace(o.debit, '{provider}', p.provider),
                                          'receivable:store_credit', 'store_credit:customer') AS debit,
                                  CASE WHEN p.kind = 'capture' AND p.purpose = 'terms' THEN 'receivable:terms'
                                       ELSE replace(replace(o.credit, '{provider}', p.provider),
                                              'receivable:store_credit', 'store_credit:customer') END AS credit
                             FROM posting_rules o WHERE o.kind = p.kind) r ON true
            WHERE (l.order_no, l.amount_minor, l.currency, l.debit_account, l.credit_account)
                  <> (p.order_no, p.amount_minor, p.currency, r.debit, r.credit)""",
    ),
    Check(
        "ledger_balance",
        "debits equal credits, and no account of a customer is overdrawn",
        """SELECT order_no || ' ' || account || ' ' || currency AS place, 'at least 0' AS expected,
                  sum(credit)::text AS found
             FROM (SELECT order_no, credit_account AS account, currency, amount_minor AS credit FROM payment_ledger
                   UNION ALL
                   SELECT order_no, debit_account, currency, -amount_minor FROM payment_ledger) entry
            WHERE account IN ('customer_funds', 'authorisations:customer')
            GROUP BY order_no, account, currency HAVING sum(credit) < 0
           UNION ALL
           SELECT 'all accounts in ' || currency, '0', sum(amount)::text
             FROM (SELECT currency, amount_minor AS amount FROM payment_ledger WHERE credit_account <> ''
                   UNION ALL
                   SELECT currency, -amount_minor FROM payment_ledger WHERE debit_account <> '') entry
            GROUP BY currency HAVING sum(amount) <> 0""",
    ),
    Check(
        "credit_used",
        "customers use as much credit as their orders on terms owe, and owe what was not refunded or paid",
        """SELECT 'customer ' || coalesce(a.customer_id, r.customer_id) AS place,
                  'used ' || coalesce(r.owed, 0) || ' ' || coalesce(a.currency, r.currency) AS expected,
                  'used ' || coalesce(a.used_minor, 0) AS found
             FROM credit_accounts a
             FULL JOIN (SELECT customer_id, currency, sum(owed_minor) AS owed FROM receivables
                         GROUP BY customer_id, currency) r USING (customer_id, currency)
            WHERE coalesce(a.used_minor, 0) <> coalesce(r.owed, 0)
           UNION ALL
           SELECT r.order_no, 'owed ' || m.owed, 'owed ' || r.owed_minor
             FROM receivables r
             JOIN LATERAL (SELECT coalesce(sum(CASE
                                    WHEN l.debit_account = 'receivable:terms' THEN l.amount_minor
                                    WHEN l.credit_account = 'receivable:terms' THEN -l.amount_minor END), 0) AS owed
                             FROM payment_ledger l WHERE l.order_no = r.order_no) m ON r.due_at IS NOT NULL
            WHERE r.owed_minor <> m.owed""",
    ),
    Check(
        "payment_totals",
        "running totals are the sums of the ledger, of refunds under way and of those that are promised",
        """SELECT 'capture ' || p.payment_id AS place,
                  'captured ' || p.amount_minor || ', refunded ' || coalesce(r.refunded, 0)
                    || ', promised ' || coalesce(d.promised, 0) || ', disputed ' || coalesce(w.disputed, 0) AS expected,
                  'captured ' || coalesce(t.captured_minor, 0) || ', refunded ' || coalesce(t.refunded_minor, 0)
                    || ', promised ' || coalesce(t.promised_minor, 0) || ', disputed ' || coalesce(t.disputed_minor, 0)
                    AS found
             FROM payments p
             JOIN payment_ledger l ON l.payment_id = p.payment_id
             LEFT JOIN payment_totals t ON t.payment_id = p.payment_id
             LEFT JOIN (SELECT parent_id, sum(amount_minor) AS refunded FROM payments
                         WHERE kind = 'refund' AND status <> 'failed' GROUP BY parent_id) r
               ON r.parent_id = p.payment_id
             LEFT JOIN (SELECT x.payment_id, sum(x.amount_minor) AS promised FROM refund_allocations x JOIN refunds f
                         USING (refund_id) WHERE f.status NOT IN ('refused', 'overtaken') AND NOT EXISTS (
                          SELECT FROM payments m WHERE m.refund_id = x.refund_id AND m.parent_id = x.payment_id
                             AND m.status <> 'failed') GROUP BY x.payment_id) d
               ON d.payment_id = p.payment_id
             LEFT JOIN (SELECT parent_id,
                               sum(CASE kind WHEN 'dispute' THEN amount_minor ELSE -amount_minor END) AS disputed
                          FROM payments WHERE kind IN ('dispute', 'dispute_won') GROUP BY parent_id) w
               ON w.parent_id = p.payment_id
            WHERE p.kind = 'capture'
              AND (coalesce(t.captured_minor, 0), coalesce(t.refunded_minor, 0), coalesce(t.promised_minor, 0),
                   coalesce(t.disputed_minor, 0))
                  <> (l.amount_minor, coalesce(r.refunded, 0), coalesce(d.promised, 0), coalesce(w.disputed, 0))""",
    ),
    Check(
        "refunds",
        "refunds do not exceed their capture",
        """SELECT 'capture ' || coalesce(c.payment_id::text, 'of no order') AS place,
                  'at most ' || coalesce(max(c.amount_minor), 0) AS expected, sum(l.amount_minor)::text AS found
             FROM payment_ledger l
             JOIN payments r ON r.payment_id = l.payment_id AND r.kind = 'refund' AND r.status = 'succeeded'
             LEFT JOIN payments c ON c.payment_id = r.parent_id AND c.kind = 'capture' AND c.status = 'succeeded'
            GROUP BY c.payment_id HAVING sum(l.amount_minor) > coalesce(max(c.amount_minor), 0)""",
    ),
)
