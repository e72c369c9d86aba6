"""Saved views of the table of orders, the columns that each member of staff chooses, and a record of exports."""

from infra.db import revisions

revision = "0084"
down_revision = "0083"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tables of their own; nothing that an order writes is touched."""
    revisions.run("0084_order_views")


def downgrade() -> None:
    """Exports are a record, which is not taken back."""
    raise RuntimeError("records of exports are not taken back; restore a backup instead")
