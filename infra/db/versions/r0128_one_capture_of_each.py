"""An order is captured once, or once with each fulfilment."""

from infra.db import revisions

revision = "0128"
down_revision = "0127"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Payments are taken meanwhile; what the previous version writes is unique as before."""
    revisions.run_apart("0128_one_capture_of_each")


def downgrade() -> None:
    """There is no way back: an order may have several captures."""
    raise RuntimeError("the indexes stay: the previous version works beside them")
