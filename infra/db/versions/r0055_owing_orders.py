"""Indexes of what a closed order may still owe."""

from infra.db import revisions

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Payments come and go meanwhile."""
    revisions.run_apart("0055_owing_orders")


def downgrade() -> None:
    """There is no way back: recovery would walk over all payments."""
    raise RuntimeError("the indexes are not dropped; restore a backup instead")
