"""Orders with money refunded or disputed are found without reading all of them."""

from infra.db import revisions

revision = "0098"
down_revision = "0097"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Payments are taken meanwhile."""
    revisions.run_apart("0098_refunded_and_disputed")


def downgrade() -> None:
    """There is no way back: the indexes do no harm to the previous version."""
    raise RuntimeError("the indexes stay: the previous version works beside them")
