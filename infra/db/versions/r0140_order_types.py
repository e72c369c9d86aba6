"""Products say how they are supplied, and orders have more types."""

from infra.db import revisions

revision = "0140"
down_revision = "0139"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Products of the previous version are physical, and its orders standard."""
    revisions.run("0140_order_types")


def downgrade() -> None:
    """There is no way back: orders of further types would be taken for standard ones."""
    raise RuntimeError("orders have types that the previous version does not know")
