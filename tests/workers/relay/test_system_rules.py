"""Books that do not add up, full machines, processes that die or fall silent: what is a cause, and what is none."""

import asyncio
from typing import Any

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.alerts import i18n
from infra.db.alerts import system_rules
from infra.db.autocommit import autocommit
from infra.db.checks import check_schedule
from infra.db.checks.check import Check
from infra.db.checks.consistency_checks import CHECKS
from infra.db.engine import PoolExhausted
from infra.settings import Settings
from infra.system.heartbeat import Heartbeat, beating
from tests.workers.relay.alert_scene import Scene
from tests.workers.relay.test_order_rules import causes
from tests.workers.stored_orders import damage, sql
from workers.relay.consistency_checks import checks, put

HOUR = 3600


async def life(scene: Scene, name: str, host: str = "m1", *, begun: int = HOUR, beat: int = 0, **more: Any) -> None:
    """A process that began and beat last so many seconds ago; with `ended=True` it ended then, as it was asked to."""
    ended, steady = more.pop("ended", False), more.pop("steady", begun)
    await sql(
        scene.urls.owner_url,
        "INSERT INTO processes (name, host, pid, started_at, beat_at, steady_since, ended_at, disk, memory)"
        " SELECT %s, %s, 1, now() - make_interval(secs => %s), at, now() - make_interval(secs => %s),"
        " CASE WHEN %s THEN at END, %s, %s FROM (SELECT now() - make_interval(secs => %s) AS at) b",
        name, host, begun, steady, ended, more.get("disk"), more.get("memory"), beat,
    )  # fmt: skip


async def rows(scene: Scene, columns: str) -> list[tuple[Any, ...]]:
    return await sql(scene.urls.app_url, f"SELECT {columns} FROM processes ORDER BY process_id")


# ── processes ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_process_says_that_it_begins_lives_and_ends_and_nothing_when_it_fails(scene: Scene) -> None:
    async with beating(scene.database, "worker", scene.settings):

        async def begun() -> bool:
            return await rows(scene, "name, ended_at") == [("worker", None)]

        while not await begun():
            await asyncio.sleep(0.01)
    assert await rows(scene, "ended_at IS NOT NULL") == [(True,)]
    heart = Heartbeat(scene.database, "worker", scene.settings)
    await heart.beat()
    with pytest.raises(ZeroDivisionError):
        async with beating(scene.database, "worker", scene.settings):
            raise ZeroDivisionError
    assert (await rows(scene, "ended_at IS NOT NULL"))[1] == (False,)


async def test_a_heart_beats_again_after_beats_that_could_not_be_written(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    heart = Heartbeat(scene.database, "worker", scene.settings, beat_s=0.01)
    await heart.beat()
    written, failures = heart.beat, iter([psycopg.OperationalError, OSError, PoolExhausted])

    async def beat() -> None:
        for failure in failures:
            raise failure
        await written()
        beaten.set()

    beaten = asyncio.Event()
    monkeypatch.setattr(heart, "beat", beat)
    running = asyncio.create_task(heart.run())
    await asyncio.wait_for(beaten.wait(), 60)
    running.cancel()
    assert not list(failures)


async def test_a_gap_in_the_beats_is_remembered_and_a_life_that_was_forgotten_begins_anew(scene: Scene) -> None:
    heart = Heartbeat(scene.database, "worker", scene.settings)
    await heart.beat()
    for moved, gap in ((20, False), (40, True)):
        await sql(
            scene.urls.owner_url,
            "UPDATE processes SET beat_at = now() - make_interval(secs => %s), steady_since = now() - interval '1 h'",
            moved,
        )
        await heart.beat()
        assert await rows(scene, "steady_since > now() - interval '1 min', beat_at > now() - interval '1 min'") == [
            (gap, True)
        ]
    await sql(scene.urls.owner_url, "DELETE FROM processes")
    await heart.beat()
    assert await rows(scene, "name") == [("worker",)]


async def test_a_name_of_which_nobody_is_left_is_a_cause_however_the_last_one_ended(scene: Scene) -> None:
    await life(scene, "relay")
    await life(scene, "worker", beat=61)
    await life(scene, "api", beat=61, ended=True)
    await life(scene, "api", "m2", beat=5)
    assert await causes(scene) == {"process_silent::worker": 1}
    await life(scene, "worker", begun=1)
    await scene.later(61)
    assert await causes(scene) == {}
    await sql(scene.urls.owner_url, "DELETE FROM processes WHERE host = 'm2'")
    assert await causes(scene) == {"process_silent::api": 1}


async def test_one_of_several_that_is_silent_is_a_cause_until_it_is_started_again(scene: Scene) -> None:
    await life(scene, "relay")
    await life(scene, "worker")
    await life(scene, "worker", "m2", beat=100)
    await life(scene, "worker", "m3", beat=100, ended=True)
    await life(scene, "worker", "m4", begun=2 * HOUR, beat=HOUR + 100)
    assert await causes(scene) == {"process_silent:m2:worker": 1}
    await life(scene, "worker", "m2", begun=90)
    await scene.later(61)
    assert await causes(scene) == {}


@pytest.mark.parametrize("judge", [{"steady": 30}, {"beat": 61}, {"ended": True}, None])
async def test_nobody_is_judged_by_one_who_was_cut_off_themselves(scene: Scene, judge: dict[str, Any] | None) -> None:
    if judge is not None:
        await life(scene, "relay", **judge)
    for _ in range(3):
        await life(scene, "worker", beat=61)
    found = await causes(scene)
    assert "process_silent::worker" not in found and "process_restarted:m1:worker" not in found


async def test_a_process_that_dies_again_and_again_is_a_cause_until_it_lasts(scene: Scene) -> None:
    await life(scene, "relay")
    await life(scene, "worker")
    for beat in (70, 80, 959):
        await life(scene, "worker", beat=beat, ended=True)
        await life(scene, "worker", "m2", beat=beat)
    await life(scene, "worker", "m2", begun=60)
    for beat in (70, 80, 961):
        await life(scene, "worker", "m3", beat=beat)
    await life(scene, "worker", "m3", begun=60)
    assert await causes(scene) == {"process_restarted:m2:worker": 3}
    await sql(scene.urls.owner_url, "DELETE FROM processes WHERE host = 'm2' AND beat_at < now() - interval '15 min'")
    await scene.later(61)
    assert await causes(scene) == {}


# ── machines ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_full_disk_or_memory_is_a_cause_once_per_machine(scene: Scene) -> None:
    await life(scene, "worker", disk=89, memory=50)
    await life(scene, "api", "m2", disk=95, memory=91)
    await life(scene, "worker", "m2", disk=96)
    await life(scene, "worker", "m3", disk=99, ended=True)
    assert await causes(scene) == {"machine_short:m2:disk": 96, "machine_short:m2:memory": 91}
    await sql(scene.urls.app_url, "UPDATE processes SET disk = 40, memory = NULL")
    await scene.later(61)
    assert await causes(scene) == {}


async def test_connections_that_run_out_are_a_cause(scene: Scene) -> None:
    scene.settings = scene.settings.model_copy(update={"notice_machine_percent": 1})
    found = await causes(scene)
    assert list(found) == ["machine_short::connections"] and 1 <= found["machine_short::connections"] <= 100


# ── books ────────────────────────────────────────────────────────────────────────────────────────────────────


async def only(scene: Scene, code: str) -> None:
    """Every other question has just been put."""
    async with autocommit(scene.database) as connection:
        await check_schedule.register(connection)
    await sql(
        scene.urls.app_url,
        "UPDATE consistency_checks SET begun_at = CASE WHEN code = %s THEN '-infinity' ELSE now() END",
        code,
    )


async def checked(scene: Scene, code: str, **changes: Any) -> None:
    await only(scene, code)
    step = checks(scene.database, scene.settings.model_copy(update=changes))
    assert await step() is True
    assert await step() is False, "an interval has not passed"


async def test_books_that_differ_are_a_cause_named_by_what_differs_and_over_when_they_agree(scene: Scene) -> None:
    await damage(scene.urls.owner_url, "TRUNCATE stock_levels, stock_movements CASCADE")
    await checked(scene, "stock_levels")
    assert await causes(scene) == {}
    for sku in ("A", "B"):
        await damage(
            scene.urls.owner_url,
            f"INSERT INTO stock_levels (sku, warehouse, on_hand) VALUES ('{sku}', 'WH-EAST', 1)",
        )
    await scene.channel(lang="en")
    await scene.channel(lang="zh")
    await checked(scene, "stock_levels")
    assert await scene.turn()
    text = "\n".join(scene.server.texts())
    assert "Consistency checks failed" in text and "Differences: 2" in text
    assert (
        "stock levels are the sums of their movements" in text
        and "一致性检查未通过" in text
        and "库存等于其变动之和" in text
    )
    assert not await scene.turn(), "told again within the interval"
    await damage(scene.urls.owner_url, "TRUNCATE stock_levels CASCADE")
    await checked(scene, "stock_levels")
    await sql(scene.urls.owner_url, "DELETE FROM stock_cases")
    await scene.later(61)
    assert await scene.turn()
    assert await causes(scene) == {}
    assert "Resolved: Consistency checks failed" in "\n".join(scene.server.texts())


async def test_each_difference_in_stock_is_one_case_until_it_is_resolved(scene: Scene) -> None:
    await damage(scene.urls.owner_url, "TRUNCATE stock_levels, stock_movements CASCADE")
    for sku in ("A", "B"):
        await damage(
            scene.urls.owner_url,
            f"INSERT INTO stock_levels (sku, warehouse, on_hand) VALUES ('{sku}', 'WH-EAST', 1)",
        )
    every = "SELECT case_id, kind, subject, state, owner, opened_by FROM stock_cases ORDER BY subject, case_id"
    await checked(scene, "stock_levels")
    first = await sql(scene.urls.app_url, every)
    assert [row[1:2] + row[3:] for row in first] == [("check_failed", "open", None, "system")] * 2
    assert all(row[2].startswith("stock_levels: ") for row in first) and first[0][2] != first[1][2]
    await damage(scene.urls.owner_url, "UPDATE stock_levels SET on_hand = 2")
    await checked(scene, "stock_levels")
    assert await sql(scene.urls.app_url, every) == first, "what still differs is the same case"
    await sql(
        scene.urls.app_url,
        "UPDATE stock_cases SET state = 'resolved', resolution = 'corrected', resolved_by = 'operations:o',"
        " resolved_at = now() WHERE case_id = %s",
        first[0][0],
    )
    await checked(scene, "stock_levels")
    again = await sql(scene.urls.app_url, every)
    assert [row[3] for row in again] == ["resolved", "open", "open"], "what is still there is a case again"
    await damage(scene.urls.owner_url, "TRUNCATE stock_levels CASCADE")


async def test_a_check_of_money_opens_no_stock_case(scene: Scene) -> None:
    money = next(one for one in CHECKS if not one.code.startswith("stock_"))
    wrong = Check(money.code, money.name, "SELECT 'here' AS place, '1' AS expected, '2' AS found")
    await only(scene, money.code)
    await put(scene.database, wrong, 5.0)
    assert await sql(scene.urls.app_url, "SELECT violations FROM consistency_checks WHERE code = %s", money.code) == [
        (1,)
    ]
    assert await sql(scene.urls.app_url, "SELECT count(*) FROM stock_cases") == [(0,)]


async def test_stock_cases_without_an_owner_or_open_for_too_long_are_causes(scene: Scene) -> None:
    for subject, owner, hours in (("a", None, 0), ("b", None, 99), ("c", "wu", 47), ("d", "wu", 49)):
        await sql(
            scene.urls.owner_url,
            "INSERT INTO stock_cases (kind, subject, owner, opened_by, opened_at)"
            " VALUES ('check_failed', %s, %s, 'system', now() - make_interval(hours => %s))",
            subject, owner, hours,
        )  # fmt: skip
    await scene.channel(lang="en")
    await scene.channel(lang="zh")
    await scene.turn()
    assert await causes(scene) == {"stock_cases:no_owner": 2, "stock_cases:overdue": 1}
    text = "\n".join(scene.server.texts())
    assert "Stock cases wait" in text and "they have no owner" in text and "/console/stock-cases" in text
    assert "库存差异待处理" in text and "处理时间过长" in text
    await sql(
        scene.urls.app_url,
        "UPDATE stock_cases SET state = 'resolved', resolution = 'corrected', resolved_by = 'operations:o',"
        " resolved_at = now()",
    )
    await scene.later(61)
    assert await causes(scene) == {}


async def test_a_question_that_gets_no_answer_is_a_cause_the_second_time(scene: Scene) -> None:
    await damage(scene.urls.owner_url, "TRUNCATE stock_levels, stock_movements CASCADE")
    await checked(scene, "stock_levels")
    async with await psycopg.AsyncConnection.connect(scene.urls.owner_url) as locked:
        await locked.execute("LOCK TABLE stock_levels")  # every reader waits, as behind a migration
        for expected in ({}, {"books_unchecked:stock_levels": 2}):
            await checked(scene, "stock_levels", books_check_timeout_s=0.05)
            async with scene.database.begin() as connection:
                assert await unchecked(connection, scene.settings) == expected
    await checked(scene, "stock_levels")
    assert await causes(scene) == {}


async def unchecked(connection: AsyncConnection, settings: Settings) -> dict[str, int]:
    """Of this kind alone: other detectors would wait for the table, too."""
    return {one.cause: one.count for one in await system_rules.unchecked(connection, settings)}


async def test_two_relays_put_each_question_once(scene: Scene) -> None:
    async with autocommit(scene.database) as connection:
        await check_schedule.register(connection)

    async def one() -> str:
        async with autocommit(scene.database) as connection:
            question = await check_schedule.claim(connection, HOUR)
        return question.code if question else ""

    claimed = await asyncio.gather(*(one() for _ in range(2 * len(CHECKS))))
    assert sorted(code for code in claimed if code) == sorted(check_schedule.CODES)


async def test_a_question_put_in_the_future_is_due(scene: Scene) -> None:
    """A clock that was set back leaves it so."""
    await only(scene, "stock_levels")
    await sql(scene.urls.app_url, "UPDATE consistency_checks SET begun_at = now()")
    async with autocommit(scene.database) as connection:
        assert await check_schedule.claim(connection, HOUR) is None
    await sql(
        scene.urls.app_url,
        "UPDATE consistency_checks SET begun_at = now() + interval '1 day' WHERE code = 'stock_levels'",
    )
    async with autocommit(scene.database) as connection:
        question = await check_schedule.claim(connection, HOUR)
        assert question is not None and question.code == "stock_levels"
        assert await check_schedule.claim(connection, HOUR) is None


def test_every_question_and_resource_has_words() -> None:
    known = i18n.catalogue()
    assert {f"question.{code}" for code in check_schedule.CODES} <= set(known)
    assert {f"resource.{one}" for one in ("disk", "memory", "connections")} <= set(known)
    assert len(set(check_schedule.CODES)) == len(CHECKS)
    for question in CHECKS:
        assert known[f"question.{question.code}"][0] == question.name
