"""Scans of pieces and labels: each has an id that its scanner gave it, and counts once however often it is sent."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.dependencies import Services, actor
from api.errors import Problem
from domain.access import Principal
from domain.errors import Conflict, NotFound, RuleBroken
from domain.shipping import picking as rules
from domain.shipping.fulfilments import FulfilmentStatus
from domain.shipping.picking import PickLine
from domain.shipping.waves import MAX_IN_WAVE, Place, Stop, walk
from infra.db.audit.actor_context import set_actor
from infra.db.engine import Connection
from infra.db.shipping import picking
from infra.db.shipping.picking import ManifestParcel, Pick, Work
from infra.db.stock import locations

__all__ = [
    "ManifestParcel", "Piece", "Wave", "Work", "counts", "manifest", "one", "parcel_named", "pick_wave", "piece",
    "to_put_back", "wave",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece that was scanned: for which fulfilment, and how far its line is. `repeated`: it was counted before."""

    fulfilment_id: str
    order_no: str
    line: PickLine
    repeated: bool


@dataclass(frozen=True, slots=True)
class Wave:
    """Fulfilments that are picked together: what is left to take, by place in walking order."""

    works: Sequence[Work]
    stops: Sequence[Stop]
    names: dict[str, str]


async def piece(services: Services, caller: Principal, ids: Sequence[str], code: str, scan_id: str) -> Piece:
    """Count a piece for the first of these fulfilments that needs it. Raises Problem `wrong_piece`, `wrong_parcel`;
    RuleBroken `more_than_asked`; Conflict `already_shipped`, and as `rules.require_workable` does."""
    async with services.database.begin() as conn:
        await set_actor(conn, actor(caller), caller.origin)
        if (known := await picking.scanned(conn, scan_id)) is not None:
            return await _counted(conn, *known, repeated=True)
        works = await picking.several(conn, ids)
        fits = [work for work in works if rules.line_of(work.lines, code) is not None]
        if not fits:
            await _refuse(conn, ids, code)
        for work in _needing(fits, code) or fits[:1]:
            now = await picking.lock(conn, work.fulfilment_id)
            line = rules.line_of(now.lines, code)
            if (known := await picking.scanned(conn, scan_id)) is not None:
                return await _counted(conn, *known, repeated=True)
            if line is None or not line.left:
                continue
            rules.require_workable(now.standing)
            places = await locations.pick_locations(conn, now.warehouse, [line.sku])
            place = places[0].location if places else None
            await picking.add(conn, now, Pick(scan_id, line.line_no, 1, actor(caller), place))
            if now.standing.status is FulfilmentStatus.BOOKED:
                await picking.set_status(conn, now.fulfilment_id, FulfilmentStatus.PICKING)
            return await _counted(conn, now.fulfilment_id, line.line_no, repeated=False)
        raise RuleBroken("more_than_asked")


async def parcel_named(services: Services, code: str) -> str:
    """The fulfilment of a scanned label. Raises Problem `wrong_parcel`."""
    async with services.database.begin() as conn:
        found = await picking.named_by(conn, code.strip())
    if found is None:
        raise Problem("wrong_parcel")
    return found


async def wave(services: Services, ids: Sequence[str]) -> Wave:
    """Raises NotFound `fulfilment_not_found` where none of them exists."""
    async with services.database.begin() as conn:
        works = await picking.several(conn, list(dict.fromkeys(ids))[:MAX_IN_WAVE])
        if not works:
            raise NotFound("fulfilment_not_found")
        stops: list[Stop] = []
        for warehouse in sorted({work.warehouse for work in works}):
            needs = _needs([work for work in works if work.warehouse == warehouse])
            found = await locations.pick_locations(conn, warehouse, list(needs))
            places = [Place(one.sku, one.location, one.zone, one.on_hand) for one in found]
            stops.extend(walk(needs, places))
    names = {line.sku: line.name for work in works for line in work.lines}
    return Wave(works, stops, names)


async def pick_wave(services: Services, ids: Sequence[str]) -> Wave:
    """As `wave`, of those that are picked here. Raises Conflict `ships_from_supplier`, `fulfilment_not_booked` where
    none is."""
    async with services.database.begin() as conn:
        works = await picking.several(conn, list(dict.fromkeys(ids))[:MAX_IN_WAVE])
    here = [work.fulfilment_id for work in works if work.standing.is_picked_here]
    if works and not here:
        raise Conflict("ships_from_supplier" if works[0].standing.supplier else "fulfilment_not_booked")
    return await wave(services, here)


async def one(services: Services, fulfilment_id: str) -> Work:
    """Raises NotFound `fulfilment_not_found`."""
    return (await wave(services, [fulfilment_id])).works[0]


async def counts(services: Services) -> dict[tuple[str, str], int]:
    """{(warehouse, status): fulfilments} of what is not over."""
    async with services.database.begin() as conn:
        return await picking.counts(conn)


async def to_put_back(services: Services, warehouse: str | None) -> list[Work]:
    """Cancelled fulfilments whose goods are out of their locations."""
    async with services.database.begin() as conn:
        return await picking.to_put_back(conn, warehouse)


async def manifest(services: Services, manifest_id: str) -> list[ManifestParcel]:
    """The parcels that were handed over together."""
    async with services.database.begin() as conn:
        return await picking.manifest(conn, manifest_id)


def _needing(works: Sequence[Work], code: str) -> list[Work]:
    """Those that still need the piece: what can be worked on comes first."""
    needing = [work for work in works if (line := rules.line_of(work.lines, code)) is not None and line.left]
    return sorted(needing, key=lambda work: (not _is_workable(work), work.fulfilment_id))


def _is_workable(work: Work) -> bool:
    now = work.standing
    return now.status in (FulfilmentStatus.BOOKED, FulfilmentStatus.PICKING) and not (now.cancelling or now.held)


def _needs(works: Sequence[Work]) -> dict[str, int]:
    needs: dict[str, int] = {}
    for work in works:
        for line in work.lines if _is_workable(work) else ():
            needs[line.sku] = needs.get(line.sku, 0) + line.left
    return {sku: units for sku, units in needs.items() if units}


async def _counted(conn: Connection, fulfilment_id: str, line_no: int, *, repeated: bool) -> Piece:
    (work,) = await picking.several(conn, [fulfilment_id])
    line = next((line for line in work.lines if line.line_no == line_no), None)
    return Piece(fulfilment_id, work.order_no, line or PickLine(line_no, "", "", None, 0, 0), repeated)


async def _refuse(conn: Connection, ids: Sequence[str], code: str) -> None:
    """It is no piece of these: a label of another parcel, of one that has left, or nothing that is known here."""
    named = await picking.named_by(conn, code.strip())
    if named is None:
        raise Problem("wrong_piece")
    (work,) = await picking.several(conn, [named])
    if work.standing.has_left:
        raise Conflict("already_shipped")
    raise Problem("wrong_piece" if named in ids else "wrong_parcel")
