"""What a provider's notification is answered with."""

from typing import Literal

from pydantic import BaseModel, Field


class ProviderNotificationReceipt(BaseModel):
    """The notification is acknowledged; the provider need not send it again."""

    status: Literal["accepted", "duplicate", "ignored"] = Field(
        description="`accepted`: it is kept. `duplicate`: it was kept before. `ignored`: it is about nothing here."
    )
