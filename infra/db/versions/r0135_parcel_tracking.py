"""Parcels that are asked for."""

from infra.db import revisions

revision = "0135"
down_revision = "0134"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table of its own; the previous version adds to it by the trigger."""
    revisions.run("0135_parcel_tracking")


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("the previous version ignores which parcels are asked for")
