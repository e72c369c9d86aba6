"""Questions to the books that an honest set of them answers with nothing."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Question:
    """`sql` gives one row (place, expected, found) for each thing that is wrong; each is a single snapshot.

    `code` stays the same: answers are kept under it, and notices have words for it.
    """

    code: str
    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong: where, what it should be, what it is."""

    place: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Answer:
    """How much is wrong, and the first few examples. Not `in_time`: nothing is known."""

    question: Question
    count: int
    examples: list[Wrong]
    in_time: bool = True

    @property
    def right(self) -> bool:
        """Answered, and nothing is wrong."""
        return self.in_time and not self.count


QUESTIONS = (
    Question(
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
    Question(
        "stock_reserved",
        "reserved stock is what orders hold",
        """SELECT sku || ' at ' || warehouse AS place,
                  'reserved ' || coalesce(a.held, 0) AS expected, 'reserved ' || coalesce(l.reserved, 0) AS found
             FROM stock_levels l
             FULL JOIN (SELECT sku, warehouse, sum(quantity) AS held FROM allocations
                         WHERE state = 'reserved' GROUP BY sku, warehouse) a USING (sku, warehouse)
            WHERE coalesce(l.reserved, 0) <> coalesce(a.held, 0)""",
    ),
    Question(
        "stock_promised",
        "no stock is promised twice or below zero",
        """SELECT sku || ' at ' || warehouse AS place, '0 <= reserved <= on hand' AS expected,
                  'on hand ' || on_hand || ', reserved ' || reserved AS found
             FROM stock_levels WHERE reserved < 0 OR on_hand < reserved""",
    ),
    Question(
        "ledger_entries",
        "each succeeded payment has its ledger entry, no other has one",
        """SELECT 'payment ' || coalesce(p.payment_id, l.payment_id) AS place,
                  CASE WHEN p.status = 'succeeded' THEN 'one entry' ELSE 'no entry' END AS expected,
                  CASE WHEN l.payment_id IS NULL THEN 'no entry' ELSE 'an entry' END AS found
             FROM payments p FULL JOIN payment_ledger l USING (payment_id)
            WHERE (p.status IS NOT DISTINCT FROM 'succeeded') <> (l.payment_id IS NOT NULL)
              AND NOT (p.kind = 'refund' AND is_reversed(p.payment_id, p.order_no))""",
    ),
    Question(
        "ledger_amounts",
        "ledger entries say what their payments say",
        # Store credit is no provider that owes us: it is what we owe.
        """SELECT 'entry ' || l.entry_id AS place,
                  concat_ws(' ', p.order_no, p.amount_minor, p.currency, r.debit, r.credit) AS expected,
                  concat_ws(' ', l.order_no, l.amount_minor, l.currency, l.debit_account, l.credit_account) AS found
             FROM payment_ledger l JOIN payments p USING (payment_id)
             JOIN LATERAL (SELECT replace(replace(o.debit, '{provider}', p.provider),
                                          'receivable:store_credit', 'store_credit:customer') AS debit,
                                  replace(replace(o.credit, '{provider}', p.provider),
                                          'receivable:store_credit', 'store_credit:customer') AS credit
                             FROM posting_rules o WHERE o.kind = p.kind) r ON true
            WHERE (l.order_no, l.amount_minor, l.currency, l.debit_account, l.credit_account)
                  <> (p.order_no, p.amount_minor, p.currency, r.debit, r.credit)""",
    ),
    Question(
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
    Question(
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
             LEFT JOIN (SELECT x.payment_id, sum(x.amount_minor) AS promised FROM refund_parts x JOIN refunds f
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
    Question(
        "refunds",
        "refunds do not exceed their capture",
        """SELECT 'capture ' || coalesce(c.payment_id::text, 'of no order') AS place,
                  'at most ' || coalesce(max(c.amount_minor), 0) AS expected, sum(l.amount_minor)::text AS found
             FROM payment_ledger l
             JOIN payments r ON r.payment_id = l.payment_id AND r.kind = 'refund' AND r.status = 'succeeded'
             LEFT JOIN payments c ON c.payment_id = r.parent_id AND c.kind = 'capture' AND c.status = 'succeeded'
            GROUP BY c.payment_id HAVING sum(l.amount_minor) > coalesce(max(c.amount_minor), 0)""",
    ),
    Question(
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
    Question(
        "returned_shelves",
        "what came back of a return is what was put on a shelf",
        """SELECT r.return_id || ' ' || n.sku AS place, 'on shelves ' || n.came AS expected,
                  'on shelves ' || coalesce(m.moved, 0) AS found
             FROM returns r
             JOIN (SELECT f.return_id, l.sku,
                          sum(f.quantity) FILTER (WHERE f.condition IN ('as_new', 'damaged')) AS came
                     FROM return_findings f JOIN return_lines l USING (return_id, line_no)
                    WHERE f.stage = 'inspected' GROUP BY f.return_id, l.sku) n USING (return_id)
             LEFT JOIN (SELECT order_no, reference, sku, sum(quantity) AS moved FROM stock_movements
                         WHERE kind IN ('return_restock', 'quarantine_in') AND order_no IS NOT NULL
                         GROUP BY order_no, reference, sku) m
               ON m.order_no = r.order_no AND m.reference = r.return_id AND m.sku = n.sku
            WHERE coalesce(n.came, 0) <> coalesce(m.moved, 0)""",
    ),
    Question(
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
    Question(
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
    Question(
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
    Question(
        "order_lines",
        "orders cost what their lines cost",
        """SELECT o.order_no AS place, coalesce(l.worth, 0)::text AS expected, o.items_minor::text AS found
             FROM orders o
             LEFT JOIN (SELECT order_no, sum((quantity - cancelled_quantity) * unit_price_minor) AS worth
                          FROM order_lines GROUP BY order_no) l USING (order_no)
            WHERE coalesce(l.worth, 0) <> o.items_minor""",
    ),
    Question(
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
    Question(
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
    Question(
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
                                  FROM refund_parts p WHERE p.refund_id = f.refund_id) x ON true
            WHERE (f.amount_minor, f.amount_minor) <> (n.amount, x.amount)
               OR (f.status = 'succeeded' AND x.paid IS NOT TRUE)""",
    ),
    Question(
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
    Question(
        "credit_notes",
        "invoices less their credit notes are what was paid less what went back with a credit note",
        # Of a cancelled order nothing is kept: what is not back yet, or came to us again, goes to the customer.
        """SELECT d.document_no AS place,
                  (coalesce(p.captured, 0) - coalesce(n.given_back, 0))::text AS expected,
                  (i.invoiced - coalesce(n.credited, 0))::text AS found
             FROM documents d
             JOIN LATERAL (SELECT sum(v.total_minor) AS invoiced FROM documents v
                            WHERE v.order_no = d.order_no AND v.kind = 'invoice') i ON true
             LEFT JOIN LATERAL (SELECT sum(m.amount_minor) AS captured FROM payments m
                                 WHERE m.order_no = d.order_no AND m.kind = 'capture' AND m.status = 'succeeded'
                                   AND (m.purpose IN ('order', 'supplement') OR m.purpose = 'stray' AND EXISTS (
                                     SELECT FROM payments e JOIN orders o USING (order_no)
                                      WHERE e.order_no = m.order_no AND e.parent_id = m.payment_id
                                        AND o.status = 'cancelled' AND (
                                          e.kind = 'dispute_won' OR is_reversed(e.payment_id, e.order_no))))) p ON true
             LEFT JOIN LATERAL (
                    SELECT sum(c.total_minor) AS credited, sum(CASE WHEN c.refund_id IS NULL
                             THEN c.total_minor - k.kept ELSE r.paid END) AS given_back
                      FROM documents c
                      LEFT JOIN LATERAL (SELECT sum(x.amount_minor) AS paid FROM refund_parts x
                                          WHERE x.refund_id = c.refund_id AND EXISTS (
                                            SELECT FROM payments m WHERE m.refund_id = x.refund_id
                                               AND m.parent_id = x.payment_id AND m.amount_minor = x.amount_minor
                                               AND (m.status = 'succeeded'
                                                 OR is_reversed(m.payment_id, m.order_no)))) r ON true
                      LEFT JOIN LATERAL (SELECT coalesce(sum(t.captured_minor - t.refunded_minor - t.promised_minor
                                                               - t.disputed_minor), 0) AS kept
                                           FROM payments m JOIN payment_totals t USING (payment_id)
                                          WHERE m.order_no = c.order_no AND m.purpose IN ('order', 'supplement'))
                             k ON true
                     WHERE c.order_no = d.order_no AND c.kind = 'credit_note') n ON true
            WHERE d.kind = 'invoice' AND d.supplement_no IS NULL
              AND i.invoiced - coalesce(n.credited, 0) <> coalesce(p.captured, 0) - coalesce(n.given_back, 0)
           UNION ALL
           SELECT c.document_no, c.total_minor || ' of invoices', coalesce(sum(p.total_minor), 0) || ' of invoices'
             FROM documents c LEFT JOIN credit_note_parts p ON p.credit_note_no = c.document_no
            WHERE c.kind = 'credit_note' GROUP BY c.document_no
           HAVING (coalesce(sum(p.total_minor), 0), coalesce(sum(p.tax_minor), 0)) <> (c.total_minor, c.tax_minor)""",
    ),
    Question(
        "event_numbers",
        "events are numbered without gaps",
        """SELECT o.order_no AS place, '1 to ' || o.event_seq AS expected,
                  coalesce(min(e.seq) || ' to ' || max(e.seq), 'none') || ', ' || count(e.seq) || ' events' AS found
             FROM orders o LEFT JOIN order_events e USING (order_no)
            GROUP BY o.order_no
           HAVING (coalesce(min(e.seq), 0), coalesce(max(e.seq), 0), count(e.seq)) <> (1, o.event_seq, o.event_seq)""",
    ),
    Question(
        "order_status",
        "an order's status is where its events lead",
        """SELECT o.order_no AS place, coalesce(last.to_status, 'no event') AS expected, o.status AS found
             FROM orders o
             LEFT JOIN (SELECT DISTINCT ON (order_no) order_no, to_status FROM order_events
                         WHERE to_status IS NOT NULL ORDER BY order_no, seq DESC) last USING (order_no)
            WHERE last.to_status IS DISTINCT FROM o.status""",
    ),
    Question(
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


async def ask(connection: AsyncConnection, question: Question) -> Answer:
    """Put one question; the books are only read."""
    # The questions are constants of this module; only the number of examples varies.
    counted = f"SELECT q.*, count(*) OVER () AS total FROM ({question.sql}) q ORDER BY place LIMIT {EXAMPLES}"  # noqa: S608
    rows = (await connection.exec_driver_sql(counted)).all()
    return Answer(question, rows[0].total if rows else 0, [Wrong(row.place, row.expected, row.found) for row in rows])


async def patience(connection: AsyncConnection) -> None:
    """Let the questions of this transaction take as long as they need."""
    await connection.execute(text("SET LOCAL statement_timeout = 0"))
