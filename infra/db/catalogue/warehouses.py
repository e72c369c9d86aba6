"""Warehouses: where stock is kept and parcels are sent from."""

from dataclasses import asdict, dataclass

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict
from domain.stock.warehouses import WarehouseKind

_ADDRESS = "district, line1, postcode, contact_name, phone"
_NAMED = "code, name, kind, lead_time_days, country, province, city"
_COLUMNS = f"{_NAMED}, {_ADDRESS}, priority, is_default, active, version"
_ADD = text(
    f"""
    INSERT INTO warehouses ({_NAMED}, {_ADDRESS}, priority, is_default)
    VALUES (:code, :name, :kind, :lead_time_days, :country, :province, :city, :district, :line1, :postcode,
            :contact_name, :phone, :priority,
            CAST(:kind AS text) = 'warehouse' AND NOT EXISTS (SELECT FROM warehouses WHERE is_default))
    ON CONFLICT (code) DO NOTHING RETURNING {_COLUMNS}
    """  # noqa: S608
)
_ALL = text(f"SELECT {_COLUMNS} FROM warehouses ORDER BY priority, code")  # noqa: S608
_LOCKED = text(f"SELECT {_COLUMNS} FROM warehouses ORDER BY code FOR NO KEY UPDATE")  # noqa: S608
_NO_DEFAULT = text("UPDATE warehouses SET is_default = false WHERE is_default AND code <> :code")
_CHANGE = text(
    f"""
    UPDATE warehouses
       SET name = :name, lead_time_days = :lead_time_days, country = :country, province = :province, city = :city,
           district = :district, line1 = :line1, postcode = :postcode, contact_name = :contact_name, phone = :phone,
           priority = :priority, is_default = :is_default, active = :active
     WHERE code = :code RETURNING {_COLUMNS}
    """  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class NewWarehouse:
    """A warehouse to add; a smaller priority is preferred. Parcels are fetched at its address. A supplier ships its own
    stock, so many days after the next cut-off."""

    code: str
    name: str
    kind: WarehouseKind
    lead_time_days: int
    country: str
    province: str
    city: str
    district: str
    line1: str
    postcode: str
    contact_name: str
    phone: str
    priority: int


@dataclass(frozen=True, slots=True)
class Warehouse(NewWarehouse):
    """A warehouse; stock goes to the default one where none is named. An inactive one reserves and receives nothing.
    `version` is new with each change."""

    is_default: bool
    active: bool
    version: int


async def add(conn: AsyncConnection, warehouse: NewWarehouse) -> Warehouse:
    """Insert a warehouse; the first one becomes the default. Raises Conflict `warehouse_exists`."""
    row = (await conn.execute(_ADD, asdict(warehouse))).mappings().one_or_none()
    if row is None:
        raise Conflict("warehouse_exists", "a warehouse with this code exists already")
    return _warehouse(row)


async def everything(conn: AsyncConnection, *, lock: bool = False) -> list[Warehouse]:
    """All of them, the preferred ones first; with `lock` nobody else changes one before the end of the transaction."""
    return [_warehouse(row) for row in (await conn.execute(_LOCKED if lock else _ALL)).mappings()]


async def change(conn: AsyncConnection, changed: Warehouse) -> Warehouse:
    """Write what a warehouse is from now on; all of them are locked. A new default takes the place of the other."""
    if changed.is_default:
        await conn.execute(_NO_DEFAULT, {"code": changed.code})
    return _warehouse((await conn.execute(_CHANGE, asdict(changed))).mappings().one())


def _warehouse(row: RowMapping) -> Warehouse:
    return Warehouse(**{**row, "kind": WarehouseKind(row["kind"])})
