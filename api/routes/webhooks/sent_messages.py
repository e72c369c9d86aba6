"""What is posted to webhook endpoints, for the OpenAPI document. Nothing is served here."""

from fastapi import APIRouter

from api.schemas.webhooks import StockLevelChanged
from domain.stock.level_changed import STOCK_LEVEL_CHANGED

router = APIRouter(tags=["webhook endpoints"])


@router.post(STOCK_LEVEL_CHANGED, operation_id="stock_level_changed", status_code=204)
async def stock_level_changed(body: StockLevelChanged) -> None:
    """A channel can sell another number of units than the endpoint was sent last. The request is signed as Standard
    Webhooks describes; `webhook-id` is the same for each attempt. Any answer of 200 to 299 accepts it."""
