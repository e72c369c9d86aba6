"""The same for fulfilments that are there already."""

from infra.db import revisions

revision = "0123"
down_revision = "0122"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """New ones have it."""
    revisions.run_in_parts("0123_further_fulfilments_before")


def downgrade() -> None:
    """There is no way back: the values stay."""
    raise RuntimeError("the values stay; the previous version works beside it")
