"""Parcels whose carrier reports nothing are asked for: less and less often, and not for ever."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from domain.gateways import CarrierNotification, ProviderUnavailable, TrackedParcel
from domain.shipping.shipments import ShipmentStatus
from infra.gateways.carriers.kuaidi100 import Kuaidi100, sign
from infra.security.crypto import Vault
from infra.settings import Settings
from tests.api.conftest import ApiClient
from tests.contract.processes import sandbox
from tests.factories.picking import Booked, booked
from workers.relay.parcel_tracking import ParcelTracking


@pytest.fixture(scope="module")
async def provider(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        sandbox(tmp_path_factory.mktemp("sandbox"), "", "", MANUAL_CARRIER="1", KUAIDI100_KEY="key") as url,
        httpx.AsyncClient(base_url=url) as outside,
    ):
        yield outside


def kuaidi100(provider: httpx.AsyncClient, key: str = "key") -> Kuaidi100:
    url = f"{provider.base_url}".rstrip("/") + "/kuaidi100"
    return Kuaidi100.from_settings(
        Settings(kuaidi100_customer="C", kuaidi100_key=key, kuaidi100_server_url=url, gateway_timeout_s=20)
    )


async def at_the_carrier(provider: httpx.AsyncClient, key: str) -> dict[str, Any]:
    body = {"order_no": key, "idempotency_key": key, "from": {"province": "a"}, "to": {"province": "a"},
            "parcels": [{"weight_g": 1}]}  # fmt: skip
    return dict((await provider.post("/shipments", json=body)).json())


async def manually_booked(shop: ApiClient, carrier: str, tracking_no: str) -> Booked:
    """A parcel that a person booked with a carrier that is not connected."""
    one = await booked(shop, 1)
    await shop.sql(
        "UPDATE shipments SET carrier = %s, carrier_ref = NULL, tracking_no = %s WHERE shipment_id = %s",
        carrier, tracking_no, one.shipment_id,
    )  # fmt: skip
    return one


def tracking(shop: ApiClient, tracker: Any, **settings: Any) -> ParcelTracking:
    services = shop.app.state.services
    own = services.settings.model_copy(update=settings)
    return ParcelTracking(services.database, Vault.from_settings(own), own, {"zto": tracker})


async def state(shop: ApiClient, one: Booked) -> dict[str, Any]:
    (row,) = await shop.sql(
        "SELECT asked, unchanged, last_error, extract(epoch FROM next_at - now()) AS pause FROM parcel_tracking"
        " WHERE shipment_id = %s",
        one.shipment_id,
    )
    return row


async def again(shop: ApiClient, one: Booked) -> None:
    await shop.sql("UPDATE parcel_tracking SET next_at = now() WHERE shipment_id = %s", one.shipment_id)


async def test_a_parcel_that_a_person_booked_is_followed_to_the_door(
    shop: ApiClient, provider: httpx.AsyncClient
) -> None:
    parcel = await at_the_carrier(provider, "tracked-1")
    one, tracker = await manually_booked(shop, "zto", parcel["tracking_no"]), kuaidi100(provider)
    relay = tracking(shop, tracker)
    await relay.step()
    assert ((await state(shop, one))["asked"], (await state(shop, one))["unchanged"]) == (1, 1)
    await provider.post(f"/shipments/{parcel['id']}/advance", json={"status": "delivered"})
    await again(shop, one)
    await relay.step()
    assert (await state(shop, one))["pause"] is None
    (fact,) = await shop.sql(
        "SELECT provider, fact ->> 'status' AS status FROM inbox WHERE order_no = %s", one.order_no
    )
    assert (fact["provider"], fact["status"]) == ("zto", "delivered")
    await tracker.aclose()


class Unchanged:
    """Knows of one scan, always the same."""

    name = "unchanged"

    async def track(self, parcel: TrackedParcel) -> list[CarrierNotification]:
        assert parcel.phone == "13800138000"
        at = datetime(2026, 1, 1, tzinfo=UTC)
        return [CarrierNotification("e", parcel.tracking_no, parcel.tracking_no, None, ShipmentStatus.BOOKED, at, 1)]

    async def aclose(self) -> None: ...


async def test_without_news_a_parcel_is_asked_for_less_often_and_not_for_ever(shop: ApiClient) -> None:
    one, pauses = await manually_booked(shop, "zto", "T-SLOW"), []
    relay = tracking(shop, Unchanged(), tracking_s=100.0, tracking_max_s=300.0, tracking_limit=5)
    for _ in range(5):
        await again(shop, one)
        await relay.step()
        pause = (await state(shop, one))["pause"]
        pauses.append(None if pause is None else round(float(pause), -1))
    assert pauses == [150, 220, 300, 300, None] or pauses == [150, 230, 300, 300, None]
    assert not await relay.step()


class Down(Unchanged):
    async def track(self, parcel: TrackedParcel) -> list[CarrierNotification]:
        raise ProviderUnavailable("timeout", "down")


async def test_a_failure_is_kept_and_the_parcel_is_asked_for_later(shop: ApiClient) -> None:
    one = await manually_booked(shop, "zto", "T-DOWN")
    await tracking(shop, Down()).step()
    found = await state(shop, one)
    assert (found["last_error"], found["asked"]) == ("timeout", 1) and found["pause"] > 0


async def test_parcels_that_are_reported_or_of_nobody_that_can_be_asked_are_left_alone(shop: ApiClient) -> None:
    reported = await booked(shop, 1)
    assert await shop.sql("SELECT 1 FROM parcel_tracking WHERE shipment_id = %s", reported.shipment_id) == []
    other = await manually_booked(shop, "pigeon", "T-PIGEON")
    await tracking(shop, Down()).step()
    assert (await state(shop, other))["asked"] == 0


async def test_kuaidi100_is_signed_and_says_what_it_knows(provider: httpx.AsyncClient) -> None:
    assert sign("{}", "key", "C") == "81391EA92B8D836FE747388DE67DEC07"
    wrong = kuaidi100(provider, "other")
    with pytest.raises(ProviderUnavailable) as caught:
        await wrong.track(TrackedParcel("zto", "T"))
    assert caught.value.code == "kuaidi100_503"
    right, parcel = kuaidi100(provider), await at_the_carrier(provider, "tracked-2")
    asked = TrackedParcel("zto", parcel["tracking_no"])
    assert await right.track(asked) == []
    for moved, status in (("picked_up", "picked_up"), ("in_transit", "in_transit"), ("refused", "refused")):
        await provider.post(f"/shipments/{parcel['id']}/advance", json={"status": moved})
        (fact,) = await right.track(asked)
        assert (fact.status, fact.tracking_no) == (status, parcel["tracking_no"])
    for gateway in (wrong, right):
        await gateway.aclose()
