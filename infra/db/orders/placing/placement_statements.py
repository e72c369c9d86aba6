"""The two statements that accept an order: one looks, one writes everything or nothing."""

import itertools

from infra.db.prepared import PreparedStatement

FIND = PreparedStatement(
    "SELECT idempotency_keys, customers, products",
    """
    SELECT k.request_hash, k.state, k.status_code, k.response, k.response_enc, k.order_no, k.resource,
           k.locked_until > now() AS locked, c.data_key, c.profile_enc, s.profile_enc AS said_enc,
           EXISTS (SELECT FROM orders o WHERE o.channel = :channel
                      AND o.external_ref = CAST(:external_ref AS text)) AS taken,
           (SELECT json_agg(json_build_array(p.sku, p.name, p.price_minor, p.currency, p.active, p.kind))
              FROM products p WHERE p.sku = ANY(CAST(:skus AS text[]))) AS products,
           ARRAY(SELECT n.contact_id FROM order_contacts n WHERE n.customer_id = :customer_id LIMIT 8) AS contacts
      FROM (VALUES (1)) one
      LEFT JOIN idempotency_keys k ON k.subject = :subject AND k.key = :key
      LEFT JOIN customers c ON c.customer_id = :customer_id
      LEFT JOIN customer_contacts s ON s.customer_id = :customer_id AND s.channel = :channel
    """,
)

# First of all, as all else reads from the customer: how long the statement waits for locks; empty: as the server says.
_PATIENCE = (
    "set_config('lock_timeout', coalesce(nullif(:patience, ''), current_setting('lock_timeout')), true) IS NOT NULL"
)
# No row comes back when a concurrent request gave this customer another key: what is sealed here would be lost.
_CUSTOMER = """
    customer AS (
      INSERT INTO customers AS c (customer_id, data_key, profile_enc, email_index, phone_index)
      SELECT CAST(:customer_id AS text), CAST(:data_key AS bytea), CAST(:profile_enc AS bytea),
             CAST(:email_index AS bytea), CAST(:phone_index AS bytea)
       WHERE {patience}
      ON CONFLICT (customer_id) DO UPDATE
         SET data_key = excluded.data_key, profile_enc = excluded.profile_enc, email_index = excluded.email_index,
             phone_index = excluded.phone_index, updated_at = now()
       WHERE c.data_key IS NULL OR c.data_key = excluded.data_key
      RETURNING c.customer_id),
    contact AS (
      INSERT INTO customer_contacts AS s (customer_id, channel, profile_enc, email_index, phone_index)
      SELECT customer.customer_id, :channel, CAST(:profile_enc AS bytea), CAST(:email_index AS bytea),
             CAST(:phone_index AS bytea)
        FROM customer
      ON CONFLICT (customer_id, channel) DO UPDATE
         SET profile_enc = excluded.profile_enc, email_index = excluded.email_index,
             phone_index = excluded.phone_index, updated_at = now()),"""
_KNOWN = """
    customer AS (
      SELECT customer_id FROM customers
       WHERE customer_id = :customer_id AND data_key = CAST(:data_key AS bytea) AND {patience}),"""
# One row serves all orders that name the same: a customer who orders again writes none, and most are seen at the look.
_NAMED = """
    named AS (
      INSERT INTO order_contacts (customer_id, contact_id, profile_enc, terms)
      SELECT customer.customer_id, CAST(:contact_id AS bytea), CAST(:contact_enc AS bytea), CAST(:terms AS bytea[])
        FROM customer
      ON CONFLICT DO NOTHING),"""
_PAYMENT = """
    payment AS (
      INSERT INTO payment_requests (request_id, order_no, attempt, method, token, actor)
      SELECT CAST(:request_id AS text), placed.order_no, 1, CAST(:method AS text), CAST(:token AS text),
             CAST(:actor AS text)
        FROM placed),"""
# Its triggers charge the customer's credit.
_TERMS = """
    terms AS (
      INSERT INTO receivables (order_no, customer_id, currency, purchase_order, terms_days, charged_minor, owed_minor)
      SELECT placed.order_no, :customer_id, :currency, CAST(:purchase_order AS text), CAST(:terms_days AS integer),
             CAST(:total_minor AS bigint), CAST(:total_minor AS bigint)
        FROM placed),"""
# Triggers run when the statement ends, and find there where the caller spoke from. What an order carries beside its
# lines is written only where it carries something.
_ORDER = """
    placed AS (
      INSERT INTO orders (order_no, channel, external_ref, type, customer_id, currency, items_minor, total_minor,
                          country, province, city, ship_to_enc, note_enc, backorder, ship_complete,
                          placed_by, trace, priority, contact_id{slot_columns}{columns})
      SELECT :order_no, :channel, CAST(:external_ref AS text), :type, customer.customer_id, :currency,
             CAST({items} AS bigint), CAST(:total_minor AS bigint), :country, :province, :city,
             CAST(:ship_to_enc AS bytea), CAST(:note_enc AS bytea), CAST(:backorder AS boolean),
             CAST(:ship_complete AS boolean), CAST(:actor AS text), CAST(:trace AS text), CAST(:priority AS smallint),
             CAST(:contact_id AS bytea){slot}{values}
        FROM customer
      RETURNING order_no, set_config('oms.origin', :origin, true),
                set_config('oms.unpaid_units', :unpaid_units, true)),"""
_LINES = """
    lines AS (
      INSERT INTO order_lines (order_no, line_no, sku, name, quantity, unit_price_minor{columns})
      SELECT placed.order_no, l.line_no, l.sku, l.name, l.quantity, l.price{shares}
        FROM placed, unnest(CAST(:skus AS text[]), CAST(:names AS text[]), CAST(:quantities AS bigint[]),
                            CAST(:prices AS bigint[]){arrays})
                     WITH ORDINALITY AS l (sku, name, quantity, price{named}, line_no)),
    kept AS (
      INSERT INTO idempotency_keys
        (subject, key, request_hash, state, status_code, response_enc, resource, locked_until)
      SELECT :subject, :key, CAST(:hash AS bytea), :state, 201, CAST(:response_enc AS bytea), placed.order_no,
             now() + make_interval(secs => CAST(:hold_s AS double precision))
        FROM placed
      RETURNING locked_until)
    SELECT placed.order_no, kept.locked_until FROM placed, kept"""


SHARED = ("discount", "shipping", "tax", "tax_added")


def _statement(
    customer_changed: bool, contact_new: bool, pays: bool, charged: bool, slotted: bool, on_terms: bool
) -> PreparedStatement:
    names = SHARED if charged else ()
    columns = "".join(f", {name}_minor" for name in names)
    rules = (", priced_by", ", CAST(:priced_by AS jsonb)") if charged else ("", "")
    order = _ORDER.format(
        slot_columns=", slot_from, slot_to" if slotted else "",
        slot=", CAST(:slot_from AS timestamptz), CAST(:slot_to AS timestamptz)" if slotted else "",
        columns=columns + rules[0],
        items=":items_minor" if charged else ":total_minor",
        values="".join(f", CAST(:{name}_minor AS bigint)" for name in names) + rules[1],
    )
    lines = _LINES.format(
        columns=columns,
        shares="".join(f", l.{name}" for name in names),
        arrays="".join(f", CAST(:{name}_shares AS bigint[])" for name in names),
        named="".join(f", {name}" for name in names),
    )
    customer = (_CUSTOMER if customer_changed else _KNOWN).format(patience=_PATIENCE)
    beside = (_PAYMENT if pays else "") + (_TERMS if on_terms else "")
    parts = (customer, _NAMED if contact_new else "", order, beside, lines)
    return PreparedStatement("INSERT orders", "WITH" + "".join(parts))


# Fixed statements, so that each is compiled and prepared once.
PLACE = {key: _statement(*key) for key in itertools.product((False, True), repeat=6)}
