"""Sample products with stock, so that a first order can be placed at once. Only `oms up` and `oms demo` add them, to an
empty catalogue; a deployment migrates with `oms migrate` and starts without them."""

from sqlalchemy import create_engine, text

from infra.db.engine import sqlalchemy_url
from infra.db.seed import DEFAULT

UNITS = 100
FIRST = "TEA-GREEN"
PRODUCTS = (
    {"sku": FIRST, "name": "Green tea, 100 g", "price_minor": 1250},
    {"sku": "TEA-BLACK", "name": "Black tea, 100 g", "price_minor": 1100},
    {"sku": "TEAPOT", "name": "Teapot, 600 ml", "price_minor": 4900},
    {"sku": "CUP", "name": "Cup, 200 ml", "price_minor": 1800},
)

_ANY = text("SELECT EXISTS (SELECT FROM products)")
_PRODUCT = text("INSERT INTO products (sku, name, price_minor, currency) VALUES (:sku, :name, :price_minor, 'USD')")
_LEVEL = text("INSERT INTO stock_levels (sku, warehouse) VALUES (:sku, :warehouse)")
_RECEIPT = text(
    """INSERT INTO stock_movements
         (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, reference, actor)
       VALUES ('sample:' || :sku, 'receipt', :sku, :warehouse, :units, :units, 0, 'sample products', 'system')"""
)


def add(owner_url: str) -> None:
    """Insert the sample products, each with a receipt at the default warehouse, unless there are products already."""
    rows = [{**product, "warehouse": DEFAULT, "units": UNITS} for product in PRODUCTS]
    engine = create_engine(sqlalchemy_url(owner_url))
    try:
        with engine.begin() as connection:
            if connection.execute(_ANY).scalar_one():
                return
            for statement in (_PRODUCT, _LEVEL, _RECEIPT):
                connection.execute(statement, rows)
    finally:
        engine.dispose()
