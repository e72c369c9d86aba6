"""Codes go to the units of a fulfilment, all of them or none: each code once, each unit once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.orders.state import timeline
from infra.db.virtual import code_pools

# The numbers of the units follow those of the codes that the fulfilment has already: after a repeat there are none.
_WANTED = text(
    """
    SELECT f.line_no, l.sku, f.quantity - count(c.code_id) AS missing, count(c.code_id) AS issued
      FROM fulfilment_lines f
      JOIN order_lines l ON l.order_no = f.order_no AND l.line_no = f.line_no
      LEFT JOIN product_codes c ON c.order_no = f.order_no AND c.line_no = f.line_no
     WHERE f.order_no = :order_no AND f.number = :number
     GROUP BY f.line_no, l.sku, f.quantity ORDER BY l.sku, f.line_no
    """
)
_TAKE = """
    SELECT code_id FROM product_codes WHERE sku = :sku AND order_no IS NULL
     ORDER BY code_id LIMIT :wanted FOR UPDATE"""
_TAKE_FREE = text(f"{_TAKE} SKIP LOCKED")
_TAKE_ALL = text(_TAKE)
_ISSUE = text(
    """
    UPDATE product_codes c
       SET order_no = :order_no, fulfilment_no = :number, line_no = t.line_no, unit = t.unit, issued_at = now()
      FROM unnest(CAST(:codes AS bigint[]), CAST(:lines AS integer[]), CAST(:units AS bigint[]))
             AS t (code_id, line_no, unit)
     WHERE c.code_id = t.code_id
    """
)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A line of the fulfilment: how many codes it lacks, and how many it has."""

    line_no: int
    sku: str
    missing: int
    issued: int

    @property
    def units(self) -> list[tuple[int, int]]:
        """The line and the number of each unit that has no code."""
        return [(self.line_no, self.issued + place) for place in range(1, self.missing + 1)]


async def issue(conn: AsyncConnection, order_no: str, number: int) -> int:
    """Give each unit of the fulfilment its code, the oldest ones first; how many codes are missing, 0 when all are
    issued. Where codes are missing nothing is issued. Safe to repeat.

    The order has to be paid and not to be cancelled: the database refuses it otherwise.
    """
    await timeline.lock_order(conn, order_no)
    rows = await conn.execute(_WANTED, {"order_no": order_no, "number": number})
    units: dict[str, list[tuple[int, int]]] = {}
    for line in [_Wanted(**row._mapping) for row in rows]:
        units.setdefault(line.sku, []).extend(line.units)
    taken, missing = await _taken(conn, {sku: len(open_) for sku, open_ in units.items() if open_})
    if not missing:
        await _give(conn, order_no, number, [one for sku in taken for one in zip(taken[sku], units[sku], strict=True)])
    return missing


async def _give(
    conn: AsyncConnection, order_no: str, number: int, given: Sequence[tuple[int, tuple[int, int]]]
) -> None:
    values = {
        "codes": [code_id for code_id, _ in given],
        "lines": [line_no for _, (line_no, _) in given],
        "units": [unit for _, (_, unit) in given],
    }
    if given:
        await conn.execute(_ISSUE, {"order_no": order_no, "number": number, **values})


async def _taken(conn: AsyncConnection, wanted: Mapping[str, int]) -> tuple[dict[str, list[int]], int]:
    """Codes for all units by SKU, and how many are missing.

    Others may hold codes for a moment that they then leave. So who finds too few lets go of all, waits for its turn at
    the pools, and then for each code. Nobody waits who holds codes without having had its turn: no two wait for each
    other.
    """
    attempt = await conn.begin_nested()
    taken = {sku: await _take(conn, _TAKE_FREE, sku, count) for sku, count in wanted.items()}
    if not _missing(wanted, taken):
        await attempt.commit()
        return taken, 0
    await attempt.rollback()
    await code_pools.take_turn(conn, wanted)
    taken = {sku: await _take(conn, _TAKE_ALL, sku, count) for sku, count in wanted.items()}
    return taken, _missing(wanted, taken)


async def _take(conn: AsyncConnection, statement: TextClause, sku: str, count: int) -> list[int]:
    return list((await conn.execute(statement, {"sku": sku, "wanted": count})).scalars())


def _missing(wanted: Mapping[str, int], taken: Mapping[str, Sequence[int]]) -> int:
    return sum(count - len(taken[sku]) for sku, count in wanted.items())
