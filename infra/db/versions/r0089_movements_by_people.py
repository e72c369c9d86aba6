"""What people booked of a product is found without what orders did to it."""

from infra.db import revisions

revision = "0089"
down_revision = "0088"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Stock moves meanwhile."""
    revisions.run_apart("0089_movements_by_people")


def downgrade() -> None:
    """There is no way back: the index does no harm to the previous version."""
    raise RuntimeError("the index stays: the previous version works beside it")
