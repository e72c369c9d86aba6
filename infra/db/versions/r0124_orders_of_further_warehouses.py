"""Orders are listed by the warehouses of all their parts, newest first."""

from infra.db import revisions

revision = "0124"
down_revision = "0123"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Orders are placed meanwhile."""
    revisions.run_apart("0124_orders_of_further_warehouses")


def downgrade() -> None:
    """There is no way back: the index stays."""
    raise RuntimeError("the index stays; the previous version works beside it")
