"""A search of products reads a short row of each."""

from infra.db import revisions

revision = "0107"
down_revision = "0106"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table of its own; from now on each product that is written has its row there."""
    revisions.run("0107_product_search")


def downgrade() -> None:
    """There is no way back: the table does no harm to the previous version."""
    raise RuntimeError("the table stays: the previous version works beside it")
