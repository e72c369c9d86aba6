"""An order that no single warehouse can ship is shipped by several."""

from infra.db import revisions

revision = "0104"
down_revision = "0103"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A waiting order is woken when several warehouses together have its goods; the previous version waits on."""
    revisions.run("0104_split_orders")


def downgrade() -> None:
    """There is no way back: the times of open fulfilments would be lost."""
    raise RuntimeError("fulfilments keep their times; the previous version ignores them")
