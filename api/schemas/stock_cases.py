"""Stock cases: bodies and answers."""

from pydantic import BaseModel, Field

from api.schemas.answers import NextCursor, Time
from api.schemas.fields import Body, Identity, Reference
from domain.stock.cases import StockCaseKind, StockCaseState, StockResolution


class CaseOwner(Body):
    """Who clears it up: the name of a member of staff."""

    owner: Identity


class ResolveCase(Body):
    """How a case ends, and why."""

    resolution: StockResolution = Field(strict=False)
    reason: Reference


class StockCase(BaseModel):
    """A difference in stock that a person clears up."""

    case_id: int
    kind: StockCaseKind
    subject: str = Field(description="What it is about; of one kind and subject one case is open at most.")
    state: StockCaseState
    warehouse: str | None
    sku: str | None
    quantity: int | None = Field(description="Units that are missing.")
    transfer_id: str | None
    count_id: str | None
    orders: list[str] = Field(description="Orders that hold the units.")
    owner: str | None
    opened_by: str
    opened_at: Time
    resolution: StockResolution | None
    reason: str | None
    resolved_by: str | None
    resolved_at: Time | None


class StockCasePage(BaseModel):
    """Cases, the newest first."""

    items: list[StockCase]
    next_cursor: NextCursor
