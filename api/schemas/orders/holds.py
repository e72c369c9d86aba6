"""Bodies of the calls on holds and priority."""

from typing import Annotated

from pydantic import Field

from api.schemas.fields import Body, Reason, Reference
from domain.orders.holds import HoldKind, Outcome
from domain.orders.priority import Priority

MAX_DEADLINE_S = 90 * 86_400


class PutOnHold(Body):
    """Why an order must not go on. What is left out is the kind's default; times in seconds from now."""

    kind: Annotated[HoldKind, Field(strict=False)]
    reason: Reason
    owner: Reference | None = None
    default_outcome: Annotated[Outcome, Field(strict=False)] | None = None
    deadline_s: Annotated[int, Field(strict=False, ge=1, le=MAX_DEADLINE_S)] | None = None
    escalate_s: Annotated[int, Field(strict=False, ge=1, le=MAX_DEADLINE_S)] | None = None


class ReleaseHold(Body):
    """Why the order may go on."""

    reason: Reason


class SetPriority(Body):
    """How pressing the order is from now on."""

    priority: Annotated[Priority, Field(strict=False)]
    reason: Reason
