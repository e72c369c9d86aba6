"""Orders on payment terms, as the front door leaves them in the database."""

import secrets
import time
from dataclasses import dataclass

from sqlalchemy import text

from domain.orders.order_no import new_order_no
from tests.order_stage import Stage
from workflows import names
from workflows import payloads as m


@dataclass(frozen=True, slots=True)
class Buyer:
    """A customer with credit."""

    customer_id: str
    data_key: bytes
    plain_key: bytes


async def buyer(stage: Stage, limit_minor: int = 100_000, terms_days: int = 30) -> Buyer:
    """A customer who may owe so much."""
    plain, wrapped = stage.vault.new_data_key()
    customer = f"b-{secrets.token_hex(5)}"
    async with stage.owner.begin() as conn:
        await conn.execute(
            text("INSERT INTO customers (customer_id, data_key) VALUES (:c, :k)"), {"c": customer, "k": wrapped}
        )
        await conn.execute(
            text(
                "INSERT INTO credit_accounts (customer_id, currency, limit_minor, terms_days)"
                " VALUES (:c, 'CNY', :l, :d)"
            ),
            {"c": customer, "l": limit_minor, "d": terms_days},
        )
    return Buyer(customer, wrapped, plain)


async def place_on_terms(
    stage: Stage, by: Buyer, quantity: int = 1, sku: str = "TEA", *, backorder: bool = False
) -> str:
    """An accepted order of type b2b."""
    order_no = new_order_no(int(time.time() * 1000))
    address = {"name": "Li", "phone": "1", "country": "CN", "province": "上海市", "city": "上海市"}
    address |= {"district": "", "line1": "x", "postcode": ""}
    values = {
        "o": order_no, "c": by.customer_id, "s": sku, "q": quantity, "b": backorder,
        "a": stage.vault.seal_json(by.plain_key, address, f"{order_no}:ship_to"),
    }  # fmt: skip
    async with stage.owner.begin() as conn:
        await conn.execute(
            text(
                "WITH p AS (SELECT price_minor AS price FROM products WHERE sku = :s),"
                " o AS (INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, total_minor,"
                " country, province, city, ship_to_enc, backorder, placed_by) SELECT :o, 'web', 'b2b', :c, 'CNY',"
                " p.price * :q, p.price * :q, 'CN', '上海市', '上海市', :a, :b, 'test' FROM p RETURNING total_minor),"
                " l AS (INSERT INTO order_lines (order_no, line_no, sku, name, quantity, unit_price_minor)"
                " SELECT :o, 1, :s, :s, :q, p.price FROM p)"
                " INSERT INTO receivables (order_no, customer_id, currency, purchase_order, terms_days, charged_minor,"
                " owed_minor) SELECT :o, :c, 'CNY', 'PO-' || :o, 30, o.total_minor, o.total_minor FROM o"
            ),
            values,
        )
    return order_no


async def used(stage: Stage, by: Buyer) -> int:
    """How much of the credit is used."""
    rows = await stage.sql("SELECT used_minor FROM credit_accounts WHERE customer_id = :c", c=by.customer_id)
    return int(rows[0][0])


async def owed(stage: Stage, order_no: str) -> int:
    """What is owed of the order."""
    return int((await stage.sql("SELECT owed_minor FROM receivables WHERE order_no = :o", o=order_no))[0][0])


async def pay(stage: Stage, order_no: str, token: str = "tok_ok") -> m.UpdateAnswer:
    """Pay what is owed, as the front door asks for it."""
    request = f"{order_no}/{secrets.token_hex(4)}"
    await stage.sql(
        "INSERT INTO payment_requests (request_id, order_no, method, token, actor)"
        " VALUES (:r, :o, 'sandbox', :t, 'test') RETURNING 1",
        r=request, o=order_no, t=token,
    )  # fmt: skip
    answer: m.UpdateAnswer = await stage.handle(order_no).execute_update(
        names.PAY, m.PayRequest(order_no, request), result_type=m.UpdateAnswer
    )
    return answer
