"""Older payments say in columns what they are for."""

from infra.db import revisions

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Some rows at a time, each part in a transaction of its own."""
    revisions.run_in_parts("0073_payment_columns_filled")


def downgrade() -> None:
    """There is no way back: payments would lose what they are for."""
    raise RuntimeError("payments keep what they are for; restore a backup instead")
