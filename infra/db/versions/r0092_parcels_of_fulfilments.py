"""A parcel goes out for each part of an order."""

from infra.db import revisions

revision = "0092"
down_revision = "0091"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Parcels are booked meanwhile."""
    revisions.run_apart("0092_parcels_of_fulfilments")


def downgrade() -> None:
    """There is no way back: the index does no harm to the previous version."""
    raise RuntimeError("the index stays: the previous version works beside it")
