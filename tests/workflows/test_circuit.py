"""What parks behind an open circuit bears the failure that opened it: one outage is one cause to support."""

from pathlib import Path

from infra.db import stuck_groups
from infra.stack.temporal import TemporalServer
from tests.conftest import Books
from tests.stage import staged


async def test_an_order_that_parks_behind_an_open_circuit_names_what_opened_it(
    database_url: Books, temporal: TemporalServer, tmp_path: Path
) -> None:
    once = {"breaker_failures": 1, "breaker_reset_s": 30.0, "gateway_attempts": 2}
    # The second attempt comes after a twentieth of a second, when nothing is sent any more.
    async with staged(database_url, temporal.address, tmp_path, **once) as stage:
        await stage.stock("TEA", 10)
        order_no = await stage.place()
        stage.fault("carriers", "error", 9, order_no=order_no)
        row = await stage.parked(order_no)
        assert (row.step, row.error, row.provider, row.attempts) == ("book", "http_500", "sandbox", 2)
        assert "circuit_open" in (await stage.handle(order_no).fetch_history()).to_json()
        async with stage.database.begin() as conn:
            groups = await stuck_groups.groups(conn)
        assert [(one["orders"], one["failing"]) for one in groups if one["error"] == "http_500"] == [(1, 0)]
        assert not [one for one in groups if one["error"] == "circuit_open"]
        await stage.sql("UPDATE parked_steps SET resolved_at = now() WHERE order_no = :o", o=order_no)
