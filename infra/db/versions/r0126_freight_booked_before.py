"""Freight of parcels that were booked before."""

from infra.db import revisions

revision = "0126"
down_revision = "0125"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Some thousand parcels at a time."""
    revisions.run_in_parts("0126_freight_booked_before")


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("the ledger of freight stays")
