"""A customer who sends things back and a warehouse that takes them, over the front door and real servers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from infra.db.checks import consistency_checks
from infra.stack.temporal.temporal_server import TemporalServer
from tests.api.conftest import ApiClient, an_order, open_api, unique
from tests.conftest import DatabaseUrls
from tests.factories.returns import a_return, found
from tests.integration.conftest import Office
from tests.order_stage import AS_IN_PRODUCTION, eventually, staged

OLD, CHEAP, DEAR = "OLD", "CHEAPER", "DEARER"
SAME = ("task_queue", "deployment_name", "build_id", "master_key", "return_window_s")


@asynccontextmanager
async def shop_open(urls: DatabaseUrls, temporal: TemporalServer, folder: Path) -> AsyncIterator[Office]:
    """A shop whose return window stays open."""
    async with staged(urls, temporal.address, folder, return_window_s=3600, **AS_IN_PRODUCTION) as stage:
        for sku, price_minor in ((OLD, 1_000), (CHEAP, 700), (DEAR, 1_600)):
            await stage.stock(sku, 1000, price_minor=price_minor)
        same = {name: getattr(stage.settings, name) for name in SAME}
        async with open_api(urls, temporal_address=temporal.address, workflow_timeout_s=60, **same) as api:
            yield Office(stage, api)


async def inconsistencies(office: Office) -> list[str]:
    async with office.stage.database.begin() as conn:
        answers = [await consistency_checks.run_checks(conn, question) for question in consistency_checks.CHECKS]
    return [f"{answer.question.name}: {answer.examples}" for answer in answers if answer.count]


class Buyer:
    """A customer who sends things back, and the warehouse that takes them."""

    def __init__(self, office: Office) -> None:
        self.office, self.name = office, unique("c-exchange")
        self.api: ApiClient = office.api.as_("customer", self.name)
        self.keeper = office.staff("wang", "warehouse")

    async def buys(self, sku: str = OLD, quantity: int = 1) -> str:
        """An order at the customer's door."""
        body = an_order(sku, quantity, customer={"id": self.name, "name": "Li", "email": None, "phone": None})
        order_no = (await self.api.post("/v1/orders", body)).json()["order_no"]
        await self.gets(order_no)
        return str(order_no)

    async def gets(self, order_no: str) -> None:
        await self.office.stage.reaches(order_no, "preparing")
        await self.office.stage.carrier_says(order_no, "delivered")
        await self.office.stage.reaches(order_no, "delivered")

    async def asks(self, order_no: str, sku: str = OLD, quantity: int = 1, **options: Any) -> str:
        options = {"resolution": "exchange"} | options
        answer = await self.api.post(f"/v1/orders/{order_no}/returns", a_return(sku, quantity, **options))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["return_id"])

    async def previews(self, order_no: str, sku: str = OLD, quantity: int = 1, **options: Any) -> dict[str, Any]:
        options = {"resolution": "exchange"} | options
        path = f"/v1/orders/{order_no}/returns?preview=true"
        answer = await self.api.post(path, a_return(sku, quantity, **options))
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["consequence"]["exchange"])

    async def sends_back(self, return_id: str, sku: str = OLD, quantity: int = 1, condition: str = "as_new") -> None:
        for verb in ("receive", "inspect"):
            body = found(condition, sku, quantity)
            answer = await self.keeper.post(f"/v1/returns/{return_id}/{verb}", body)
            assert answer.status_code == 200, answer.text

    async def detail(self, return_id: str) -> dict[str, Any]:
        return dict((await self.api.get(f"/v1/returns/{return_id}")).json())

    async def becomes(self, return_id: str, status: str) -> dict[str, Any]:
        async def there() -> dict[str, Any] | None:
            body = await self.detail(return_id)
            return body if body["status"] == status else None

        found_there: dict[str, Any] = await eventually(there)
        return found_there

    async def new_order(self, return_id: str) -> dict[str, Any]:
        async def there() -> str | None:
            exchange = (await self.detail(return_id))["exchange"]
            return exchange["order_no"] if exchange else None

        order_no = await eventually(there)
        return dict((await self.api.get(f"/v1/orders/{order_no}")).json())

    async def retained_minor(self, *orders: str) -> int:
        """What the provider has of the customer's money."""
        stored = 0
        for order_no in orders:
            items = self.office.stage.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"]
            for item in items:
                sign = {"capture": 1, "refund": -1}.get(item["kind"], 0)
                stored += sign * item["amount_minor"] if item["status"] == "succeeded" else 0
        return stored
