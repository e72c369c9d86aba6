"""Refunds of the last days are found by their time."""

from infra.db import revisions

revision = "0087"
down_revision = "0086"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Refunds are requested meanwhile."""
    revisions.run_apart("0087_refunds_newest")


def downgrade() -> None:
    """There is no way back: the index does no harm to the previous version."""
    raise RuntimeError("the index stays: the previous version works beside it")
