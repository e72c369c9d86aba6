"""Purchase orders with what is incoming, and counts of a warehouse."""

from infra.db import revisions

revision = "0101"
down_revision = "0100"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tables of their own; the previous version receives without a purchase order."""
    revisions.run("0101_purchases_and_counts")


def downgrade() -> None:
    """There is no way back: what is incoming would be lost."""
    raise RuntimeError("purchase orders and counts stay; the previous version ignores them")
