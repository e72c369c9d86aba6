"""What is made to order and what is virtual comes from no stock: orders wait for their physical lines alone."""

from infra.db import revisions

revision = "0144"
down_revision = "0143"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Backorders are woken when their physical lines fit. For products of before, which all are physical, nothing
    changes."""
    revisions.run("0144_stock_of_physical_lines")


def downgrade() -> None:
    """There is no way back, and no need: both versions work with these functions."""
    raise RuntimeError("the functions stay: the previous version works with them")
