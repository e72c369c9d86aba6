"""Staff are notified once per cause and interval, and once more when it is over; whatever fails between."""

import asyncio
from pathlib import Path

import pytest

from infra.db.alerts import alert_channels, alert_deliveries, alerts
from infra.db.autocommit import autocommit
from infra.stack.data_dir.ports import any_free
from infra.stack.temporal.temporal_server import TemporalServer
from tests.infra.alerts.alert_servers import mail_server
from tests.workers.relay.alert_scene import Scene, notifier_of
from tests.workers.stored_orders import database, place, sql, until, vault
from tests.workers.test_processes import ended, process_of
from workers.relay import main
from workers.relay.alert_sender import AlertSender


async def test_a_thousand_orders_of_one_cause_are_one_message_per_channel(scene: Scene) -> None:
    async with mail_server() as post:
        mail = {"smtp_host": "127.0.0.1", "smtp_port": post.port, "smtp_from": "a@example.com", "smtp_tls": "none"}
        notifier = notifier_of(scene.database, scene.settings.model_copy(update=mail))
        for kind, lang in (("dingtalk", "zh"), ("wecom", "zh"), ("webhook", "en")):
            await scene.channel(kind, lang)
        await scene.channel("email", address="team@example.com")
        await scene.park(1_000)
        assert await scene.turn(notifier)
        assert not await scene.turn(notifier)
        await scene.later(890)
        assert not await scene.turn(notifier)
    assert sorted(path for path, *_ in scene.server.got) == ["/cgi-bin/webhook/send", "/hook", "/robot/send"]
    assert len(post.letters) == 1 and "Orders: 1,000" in post.letters[0].get_content()
    assert "1,000" in scene.server.texts("/robot")[0] and "订单卡住" in scene.server.texts("/robot")[0]
    assert "Amount at stake: ¥1,000.00" in scene.server.texts("/hook")[0]


async def test_after_the_interval_again_with_the_new_count_then_the_end_then_quiet(scene: Scene) -> None:
    await scene.channel()
    await scene.park(3)
    await scene.turn()
    await scene.park(4)
    await scene.turn()
    assert len(scene.server.got) == 1
    await scene.later(901)
    await scene.turn()
    await scene.resolve()
    await scene.turn()
    assert len(scene.server.got) == 2
    await scene.later(61)
    for _ in range(3):
        await scene.turn()
        await scene.later(901)
    bodies = [body["data"] for _, _, body in scene.server.got]
    assert [(body["phase"], body["count"]) for body in bodies] == [("begun", 3), ("goes_on", 7), ("over", 7)]
    assert [text.splitlines()[0].split(":")[0] for text in scene.server.texts()] == [
        "OMS · New", "OMS · Ongoing", "OMS · Resolved",
    ]  # fmt: skip
    assert await sql(scene.urls.app_url, "SELECT count(*) FROM alerts WHERE over_at IS NULL") == [(0,)]


async def test_a_cause_that_comes_and_goes_is_reported_no_more_than_once_an_interval(scene: Scene) -> None:
    await scene.channel()
    for _ in range(5):
        await scene.park(1)
        await scene.turn()
        await scene.resolve()
        await scene.later(61)
        await scene.turn()
    assert [body["data"]["phase"] for _, _, body in scene.server.got] == ["begun", "over"]
    await scene.park(1)
    await scene.turn()
    await scene.later(901)
    await scene.turn()
    assert [body["data"]["phase"] for _, _, body in scene.server.got] == ["begun", "over", "begun"]


async def test_causes_are_distinguished_and_reported_to_those_who_asked(scene: Scene) -> None:
    everything, only = await scene.channel(), await scene.channel("dingtalk", causes=("escalated",))
    await scene.park(2, "rejected")
    await scene.park(1, "timeout", "capture", escalated=True)
    await scene.turn()
    rows = await sql(
        scene.urls.app_url,
        "SELECT channel_id, cause FROM alert_deliveries JOIN alerts USING (alert_id) ORDER BY 1, 2",
    )
    assert rows == [
        (everything, "escalated:timeout:sandbox:capture"),
        (everything, "stuck:rejected:sandbox:book"),
        (everything, "stuck:timeout:sandbox:capture"),
        (only, "escalated:timeout:sandbox:capture"),
    ]


async def test_a_channel_that_comes_later_hears_of_what_lasts(scene: Scene) -> None:
    await scene.park(2)
    assert not await scene.turn()
    await scene.channel()
    await scene.turn()
    assert [body["data"]["phase"] for _, _, body in scene.server.got] == ["begun"]


async def test_two_relays_at_once_tell_once(scene: Scene) -> None:
    for _ in range(3):
        await scene.channel()
    for error in ("a", "b", "c", "d"):
        await scene.park(1, error)
    async with database(scene.settings) as other:
        both = [scene.notifier, notifier_of(other, scene.settings)]
        for seconds in (0, 901):
            await scene.later(seconds)
            for _ in range(6):
                await asyncio.gather(*(scene.turn(one) for one in both))
    ids = [headers["webhook-id"] for _, headers, _ in scene.server.got]
    assert len(ids) == len(set(ids)) == 24


async def test_while_one_looks_the_other_does_not(scene: Scene) -> None:
    await scene.park(1)
    async with scene.database.begin() as first, scene.database.begin() as second:
        assert (await alerts.poll(first, scene.settings))[0]
        assert await alerts.poll(second, scene.settings) == (False, 0)


async def test_a_look_that_dies_before_its_end_leaves_nothing_and_the_next_tells(scene: Scene) -> None:
    await scene.channel()
    await scene.park(1)
    with pytest.raises(RuntimeError):
        async with scene.database.begin() as connection:
            assert await alerts.poll(connection, scene.settings) == (True, 1)
            raise RuntimeError("killed")
    assert await scene.states() == []
    await scene.turn()
    assert len(scene.server.got) == 1


async def test_a_sender_that_dies_is_followed_by_another_after_its_lease(scene: Scene) -> None:
    channel_id = await scene.channel()
    await scene.park(1)
    await scene.notifier.poll()
    async with autocommit(scene.database) as connection:
        dead = await alert_deliveries.claim(connection, channel_id, 30.0)
        assert dead is not None
        assert await alert_deliveries.due_channels(connection) == []
        assert await alert_deliveries.claim(connection, channel_id, 30.0) is None
    await scene.later(31)
    await scene.notifier.send_due()
    await asyncio.gather(*scene.notifier._lanes.values())
    async with autocommit(scene.database) as connection:
        # It was only slow, and comes back with news of yesterday.
        await alert_deliveries.mark_failed(connection, dead, "timeout", 0.0, 1)
        await alert_deliveries.rest(connection, dead, 1000.0)
    assert await scene.states() == [(1, "begun", "done", 2)]
    assert await sql(scene.urls.app_url, "SELECT busy_until > now() + interval '60 s' FROM alert_channels") == [
        (False,)
    ]


async def test_a_channel_that_is_down_gets_the_newest_when_it_is_back_and_holds_up_nobody(scene: Scene) -> None:
    await scene.channel("wecom")
    await scene.channel("webhook")
    scene.server.down = {"/cgi-bin/webhook/send"}
    await scene.park(5)
    await scene.turn()
    assert [path for path, *_ in scene.server.got] == ["/hook"]
    await scene.park(1)
    await scene.later(901)
    await scene.turn()
    scene.server.down = set()
    await scene.later(5)
    await scene.turn()
    wecom = scene.server.texts("/cgi-bin")
    assert len(wecom) == 1 and "**Orders** 6" in wecom[0]
    states = await sql(
        scene.urls.app_url,
        "SELECT d.number, d.state, d.tries FROM alert_deliveries d JOIN alert_channels c USING (channel_id) "
        "WHERE c.kind = 'wecom' ORDER BY d.number",
    )
    assert states == [(1, "superseded", 1), (2, "done", 2)]


async def test_a_channel_that_was_down_all_the_time_hears_that_there_was_something(scene: Scene) -> None:
    await scene.channel("dingtalk")
    scene.server.down = {"/robot/send"}
    await scene.park(5)
    await scene.turn()
    await scene.resolve()
    await scene.later(61)
    scene.server.down = set()
    await scene.turn()
    [only] = scene.server.texts()
    assert only.startswith("### OMS · Resolved") and "5" in only


async def test_a_refusal_in_the_answer_is_a_failure_and_the_attempts_are_bounded(scene: Scene) -> None:
    await scene.channel("dingtalk")
    scene.server.answer = {"errcode": 300005, "errmsg": "token is not exist"}
    await scene.park(1)
    for _ in range(5):
        await scene.turn()
        await scene.later(100)
    assert await scene.states() == [(1, "begun", "failed", 3)]
    assert await sql(scene.urls.app_url, "SELECT last_error FROM alert_deliveries") == [("errcode_300005",)]
    async with scene.database.begin() as connection:
        [shown] = await alert_channels.every(connection, vault())
    assert (shown.last_state, shown.last_error, shown.last_tries) == ("failed", "errcode_300005", 3)


async def test_a_robot_rests_after_each_message(scene: Scene) -> None:
    await scene.channel("wecom")
    patient = AlertSender(scene.database, vault(), scene.settings, rest_s=30.0)
    await scene.park(1, "a")
    await scene.park(1, "b")
    await scene.turn(patient)
    await scene.turn(patient)
    assert len(scene.server.got) == 1
    await scene.later(31)
    await scene.turn(patient)
    assert len(scene.server.got) == 2


async def test_a_removed_channel_hears_nothing_more_and_its_address_is_gone(scene: Scene) -> None:
    channel_id = await scene.channel()
    await scene.park(1)
    await scene.notifier.poll()
    async with scene.database.begin() as connection:
        assert await alert_channels.remove(connection, channel_id, "admin:root")
        assert not await alert_channels.remove(connection, channel_id, "admin:root")
    await scene.turn()
    await scene.later(901)
    await scene.turn()
    assert scene.server.got == []
    rows = await sql(scene.urls.app_url, "SELECT active, target_enc, data_key, removed_by FROM alert_channels")
    assert rows == [(False, None, None, "admin:root")]
    audited = "SELECT actor, action, after FROM audit_log WHERE reference = %s ORDER BY entry_id"
    assert await sql(scene.urls.app_url, audited, channel_id) == [
        ("operations:tom", "notice_channel_added", "webhook"),
        ("admin:root", "notice_channel_removed", "webhook"),
    ]


async def test_a_message_that_cannot_be_written_is_given_up_and_blocks_no_other(scene: Scene) -> None:
    await scene.channel()
    await scene.park(1, "a")
    await scene.park(1, "b")
    await scene.notifier.poll()
    await sql(scene.urls.owner_url, """UPDATE alerts SET amounts = '["?"]' WHERE cause = 'stuck:a:sandbox:book'""")
    for _ in range(4):
        await scene.notifier.send_due()
        await asyncio.gather(*scene.notifier._lanes.values())
        await scene.later(100)
    assert await scene.states() == [(1, "begun", "failed", 3), (1, "begun", "done", 1)]
    assert await sql(scene.urls.app_url, "SELECT last_error FROM alert_deliveries WHERE state = 'failed'") == [
        ("internal_error",)
    ]


async def test_the_relay_tells_while_temporal_is_down(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMS_ALLOW_PRIVATE_WEBHOOK_TARGETS", "1")
    monkeypatch.setenv("OMS_NOTICE_LAG_S", "0.5")
    monkeypatch.setenv("OMS_NOTICE_POLL_S", "0.2")
    await scene.channel()
    await place(scene.urls)
    down = TemporalServer(db=tmp_path / "temporal.db", port=any_free(set()), log=tmp_path / "temporal.log")
    port = any_free({down.port})

    async def reported() -> bool:
        return len(scene.server.got) >= 2

    async with process_of("relay", scene.urls, down, port, tmp_path / "relay.log") as child:
        await until(reported)
        assert await ended(child) == 0
    kinds = sorted(body["data"]["kind"] for _, _, body in scene.server.got)
    assert kinds == ["orders_waiting", "requests_waiting"]


async def test_notices_of_long_ago_are_forgotten_with_their_messages(scene: Scene) -> None:
    await scene.channel()
    await scene.park(1)
    await scene.turn()
    await main.sweep(scene.database, vault())()
    assert len(await scene.states()) == 1
    await sql(
        scene.urls.owner_url,
        "UPDATE alerts SET since = now() - interval '99 days', over_at = now() - interval '91 days'",
    )
    await main.sweep(scene.database, vault())()
    assert await scene.states() == []
