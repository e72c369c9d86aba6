"""Rules of replenishment: for a product at a warehouse, for a product, for a warehouse, or for everything."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import NotFound
from domain.json_types import JsonFields
from domain.replenishment.policy import ReplenishmentRule

NAMES = tuple(field.name for field in fields(ReplenishmentRule))
_VALUES = ", ".join(f":{name}" for name in NAMES)
_COLUMNS = f"SELECT rule_id, sku, warehouse, {', '.join(NAMES)}, updated_by, updated_at FROM replenishment_rules"  # noqa: S608
_PUT = text(
    f"""
    INSERT INTO replenishment_rules (sku, warehouse, {", ".join(NAMES)}, updated_by)
    VALUES (:sku, :warehouse, {_VALUES}, :updated_by)
    ON CONFLICT (sku, warehouse) DO UPDATE
       SET {", ".join(f"{name} = excluded.{name}" for name in NAMES)},
           updated_by = excluded.updated_by, updated_at = now()
    RETURNING rule_id
    """  # noqa: S608
)
_ONE = text(f"{_COLUMNS} WHERE rule_id = :rule_id")
_PAGE = text(
    f"""{_COLUMNS} WHERE rule_id > :after AND (CAST(:supplier AS text) IS NULL OR supplier = :supplier)
         ORDER BY rule_id LIMIT :limit"""
)
_KNOWN = text(
    """SELECT CAST(:sku AS text) IS NULL OR EXISTS (SELECT FROM products WHERE sku = :sku) AS product,
              CAST(:warehouse AS text) IS NULL OR EXISTS (SELECT FROM warehouses WHERE code = :warehouse)
                AS warehouse"""
)
_REMOVE = text("DELETE FROM replenishment_rules WHERE rule_id = :rule_id RETURNING rule_id")


@dataclass(frozen=True, slots=True)
class RuleScope:
    """What a rule is for; None: every product, every warehouse."""

    sku: str | None
    warehouse: str | None


@dataclass(frozen=True, slots=True)
class KnownScope:
    """Whether there are such a product and warehouse; what is not named counts as known."""

    product: bool
    warehouse: bool


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A rule with its number, and who wrote it."""

    rule_id: int
    scope: RuleScope
    rule: ReplenishmentRule
    updated_by: str
    updated_at: datetime


async def put(conn: AsyncConnection, scope: RuleScope, rule: ReplenishmentRule, actor: str) -> StoredRule:
    """Write the rule of this scope. The audit log has it by trigger."""
    row = {**asdict(scope), **asdict(rule), "updated_by": actor}
    return await find(conn, int((await conn.execute(_PUT, row)).scalar_one()))


async def known(conn: AsyncConnection, scope: RuleScope) -> KnownScope:
    """What of the scope exists."""
    return KnownScope(**(await conn.execute(_KNOWN, asdict(scope))).mappings().one())


async def find(conn: AsyncConnection, rule_id: int) -> StoredRule:
    """Raises NotFound `replenishment_rule_not_found`."""
    row = (await conn.execute(_ONE, {"rule_id": rule_id})).mappings().one_or_none()
    if row is None:
        raise NotFound("replenishment_rule_not_found")
    return _stored(dict(row))


async def page(conn: AsyncConnection, supplier: str | None, after: int, limit: int) -> list[StoredRule]:
    """At most `limit` behind this number, of a supplier where one is named."""
    rows = await conn.execute(_PAGE, {"supplier": supplier, "after": after, "limit": limit})
    return [_stored(dict(row)) for row in rows.mappings()]


async def remove(conn: AsyncConnection, rule_id: int) -> None:
    """The rule that is for more is in force again. Raises NotFound `replenishment_rule_not_found`."""
    if (await conn.execute(_REMOVE, {"rule_id": rule_id})).scalar_one_or_none() is None:
        raise NotFound("replenishment_rule_not_found")


def _stored(row: JsonFields) -> StoredRule:
    rule = ReplenishmentRule(**{name: row[name] for name in NAMES})
    scope = RuleScope(row["sku"], row["warehouse"])
    return StoredRule(row["rule_id"], scope, rule, row["updated_by"], row["updated_at"])
