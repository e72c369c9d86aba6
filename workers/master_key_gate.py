"""No activity runs while the database has a master key that this process lacks.

Such a database belongs to another installation: an address that cannot be read here would count as erased, and an order
that is not there as unknown. Both are final answers to a passing mistake. So each activity fails before it begins, and
Temporal tries it again until the key is there; no attempt at a provider is counted and no step sticks.
"""

from datetime import timedelta
from typing import Any

from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from infra.db.system.master_keys import UNKNOWN
from infra.system.heartbeat import Condition

AGAIN_AFTER = timedelta(seconds=5)


class MasterKeyGate(Interceptor):
    """Of one worker, whose heartbeat notes the missing keys in `condition`."""

    def __init__(self, condition: Condition) -> None:
        self._condition = condition

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Inbound(next, self._condition)


class _Inbound(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, condition: Condition) -> None:
        super().__init__(next)
        self._condition = condition

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        if self._condition.other_key is not None:
            raise ApplicationError(UNKNOWN, type=UNKNOWN, next_retry_delay=AGAIN_AFTER)
        return await super().execute_activity(input)
