"""The share of each fulfilment can be captured when that ships."""

from infra.db import revisions

revision = "0127"
down_revision = "0126"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Orders are captured as before; the previous version leaves the new columns as they are."""
    revisions.run("0127_captures_by_shipment")


def downgrade() -> None:
    """There is no way back: what was captured with which fulfilment would be lost."""
    raise RuntimeError("captures stay; the previous version ignores their fulfilment")
