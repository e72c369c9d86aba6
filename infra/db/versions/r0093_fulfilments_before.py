"""Orders from before have their first fulfilment, too."""

from infra.db import revisions

revision = "0093"
down_revision = "0092"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """New orders get theirs with their reservation."""
    revisions.run_in_parts("0093_fulfilments_before")


def downgrade() -> None:
    """There is no way back: the rows do no harm to the previous version."""
    raise RuntimeError("the rows stay: the previous version works beside them")
