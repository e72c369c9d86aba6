"""Support at work: the front door and the console over a real worker, real Temporal, real books, a real sandbox."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from infra.stack.temporal.temporal_server import TemporalServer
from tests.api.conftest import ApiClient, open_api
from tests.conftest import DatabaseUrls
from tests.order_stage import AS_IN_PRODUCTION, Stage, staged
from tests.workflows.scenarios import pay_again

DEAR, CHEAP = "DEAR", "CHEAP"


@dataclass
class Office:
    """A stage, and the door through which staff act on its orders."""

    stage: Stage
    api: ApiClient

    def staff(self, name: str, role: str = "support") -> ApiClient:
        return self.api.as_(role, name)

    async def parked(self, sku: str = DEAR) -> str:
        """A paid order whose carrier has refused the parcel."""
        order_no = await self.stage.place(sku=sku, token=None)
        await self.stage.reaches(order_no, "pending_payment")
        self.stage.fault("carriers", "reject", 1, order_no=order_no)
        await pay_again(self.stage, order_no)
        await self.stage.parked(order_no)
        return order_no

    async def unpaid(self, sku: str = CHEAP) -> str:
        order_no = await self.stage.place(sku=sku, token=None)
        await self.stage.reaches(order_no, "pending_payment")
        return order_no


@pytest.fixture(scope="module")
async def office(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    async with staged(database_url, temporal.address, tmp_path_factory.mktemp("office"), **AS_IN_PRODUCTION) as stage:
        await stage.stock(DEAR, 1000, price_minor=150_000)
        await stage.stock(CHEAP, 1000, price_minor=2_000)
        same = {
            name: getattr(stage.settings, name) for name in ("task_queue", "deployment_name", "build_id", "master_key")
        }
        async with open_api(database_url, temporal_address=temporal.address, workflow_timeout_s=60, **same) as api:
            yield Office(stage, api)
