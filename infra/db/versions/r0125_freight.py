"""Freight: what parcels were estimated, booked and billed, and carriers' bills with their differences."""

from infra.db import revisions

revision = "0125"
down_revision = "0124"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tables of their own, and triggers that keep what the previous version books, too."""
    revisions.run("0125_freight")


def downgrade() -> None:
    """There is no way back: what was billed would be lost."""
    raise RuntimeError("the ledger of freight stays; the previous version adds to it by its triggers")
