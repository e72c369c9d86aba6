"""What waits for staff, as the navigation counts it."""

from api.dependencies import Services
from infra.db.read_models import dashboard

# A larger number than this is shown as "more than".
COUNTED = dashboard.COUNTED


async def needing_attention(services: Services) -> int:
    """How many orders wait for support, at most COUNTED + 1."""
    async with services.database.begin() as conn:
        return await dashboard.needing_attention(conn)
