"""What a new installation starts with: the warehouses. Safe to repeat; nothing a person changed is touched."""

from sqlalchemy import create_engine, text

from infra.db.engine import sqlalchemy_url

WAREHOUSES = (
    {"code": "WH-EAST", "name": "East", "country": "CN", "province": "上海市", "city": "上海市", "priority": 10},
    {"code": "WH-SOUTH", "name": "South", "country": "CN", "province": "广东省", "city": "广州市", "priority": 20},
    {"code": "WH-NORTH", "name": "North", "country": "CN", "province": "北京市", "city": "北京市", "priority": 30},
)
DEFAULT = "WH-EAST"

_INSERT = text(
    """INSERT INTO warehouses (code, name, country, province, city, priority, is_default)
       SELECT :code, :name, :country, :province, :city, :priority,
              :code = :default AND NOT EXISTS (SELECT FROM warehouses WHERE is_default)
       ON CONFLICT (code) DO NOTHING"""
)


def seed(owner_url: str) -> None:
    """Insert the warehouses that are not there yet."""
    engine = create_engine(sqlalchemy_url(owner_url))
    try:
        with engine.begin() as connection:
            connection.execute(_INSERT, [{**row, "default": DEFAULT} for row in WAREHOUSES])
    finally:
        engine.dispose()
