"""Any order of scans, duplicates and replays after an outage gives the same picked quantities."""

import asyncio
import random

import pytest

from domain.access import Principal, Role
from domain.shipping.waves import Place, walk
from tests.api.conftest import ApiClient, unique
from tests.factories.picking import booked


@pytest.mark.parametrize("seed", range(2))
async def test_scans_count_once_in_any_order(api: ApiClient, seed: int) -> None:
    from api.services.shipping import scanning

    chance, staff = random.Random(seed), api.as_("admin")
    first = await booked(staff, 3)
    second = await booked(staff, 2, first.sku)
    ids = [first.id, second.id]
    names = [unique(f"scan-{seed}-") for _ in range(5)]
    sent = [*names, *chance.choices(names, k=7)]
    chance.shuffle(sent)
    services = staff.app.state.services
    amy, bob = Principal(Role.WAREHOUSE, "amy"), Principal(Role.WAREHOUSE, "bob")

    async def send(name: str, who: Principal) -> bool:
        return (await scanning.piece(services, who, ids, first.sku, name)).repeated

    together, later = sent[:6], sent[6:]
    repeated = list(await asyncio.gather(*(send(name, chance.choice((amy, bob))) for name in together)))
    for name in later:
        repeated.append(await send(name, amy))
    assert repeated.count(False) == len(names)
    rows = await staff.sql(
        "SELECT picked, (SELECT sum(k.quantity)::int FROM picks k WHERE k.order_no = n.order_no) AS logged"
        " FROM fulfilment_lines n WHERE order_no = ANY(%s)", [first.order_no, second.order_no],
    )  # fmt: skip
    assert sorted((row["picked"], row["logged"]) for row in rows) == [(2, 2), (3, 3)]
    # All of it is there: one more is none.
    with pytest.raises(Exception, match="more_than_asked"):
        await send(unique("scan-"), amy)


def test_a_walk_takes_what_is_needed_and_no_more() -> None:
    places = [Place("a", "A-1", "", 2), Place("b", "A-2", "", 9), Place("a", "B-1", "", 9), Place("a", None, "", 9)]
    stops = [(stop.sku, stop.location, stop.units) for stop in walk({"a": 5, "b": 1, "c": 2, "d": 0}, places)]
    assert stops == [("a", "A-1", 2), ("b", "A-2", 1), ("a", "B-1", 3), ("c", None, 2)]
