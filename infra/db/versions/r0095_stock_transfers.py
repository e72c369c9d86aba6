"""Transfers between warehouses have steps, and differences in stock are cases with an owner."""

from infra.db import revisions

revision = "0095"
down_revision = "0094"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tables of their own; the previous version moves units in one step and does not read them."""
    revisions.run("0095_stock_transfers")


def downgrade() -> None:
    """There is no way back: goods on their way would be lost."""
    raise RuntimeError("transfers and cases stay; the previous version ignores them")
