"""One running stack for the tests that look at it from outside."""

from collections.abc import AsyncIterator

import pytest

from tests.faults.stackrun import StackRun


@pytest.fixture(scope="package")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StackRun]:
    """`oms up` with parcels moved by hand, a payment deadline that nobody meets by accident and attempts that last."""
    unhurried = {"OMS_PAYMENT_TIMEOUT_S": "600", "OMS_SANDBOX_MANUAL_CARRIER": "1", "OMS_GATEWAY_ATTEMPTS": "12"}
    unhurried |= {"OMS_GATEWAY_PATIENCE_S": "600"}
    unhurried["OMS_RETURN_WINDOW_S"] = "600"  # customers have time to send things back
    async with StackRun(
        tmp_path_factory.mktemp("live"), unhurried, ("--manual-carrier", "--allow-private-webhooks")
    ).standing() as stack:
        yield stack
