"""Reasons of staff who decide about a backorder are known ones."""

from infra.db import revisions

revision = "0132"
down_revision = "0131"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rows are read while others are written."""
    revisions.run_apart("0132_backorder_actions")


def downgrade() -> None:
    """There is no way back: see the revision before."""
    raise RuntimeError("see the revision before")
