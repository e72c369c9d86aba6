"""Products of before have their row of the search."""

from infra.db import revisions

revision = "0108"
down_revision = "0107"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A thousand products at a time; they are changed meanwhile."""
    revisions.run_in_parts("0108_products_searched")


def downgrade() -> None:
    """There is no way back: the rows do no harm to the previous version."""
    raise RuntimeError("the rows stay: the previous version works beside them")
