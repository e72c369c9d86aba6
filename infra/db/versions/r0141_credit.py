"""Customers have credit, and orders on payment terms use it."""

from infra.db import revisions

revision = "0141"
down_revision = "0140"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Payments are taken meanwhile: the previous version knows no order on terms."""
    revisions.run("0141_credit")


def downgrade() -> None:
    """There is no way back, and no need: the previous version works beside the tables."""
    raise RuntimeError("the tables stay: the previous version works beside them")
