"""Partly refunded orders, and what a person cancels in bulk, are found without reading all of them."""

from infra.db import revisions

revision = "0116"
down_revision = "0115"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Payments are taken meanwhile."""
    revisions.run_apart("0116_partial_refunds_and_cancellations")


def downgrade() -> None:
    """There is no way back: the indexes do no harm to the previous version."""
    raise RuntimeError("the indexes stay: the previous version works beside them")
