"""The kinds of workflow requests are those that are known."""

from infra.db import revisions

revision = "0103"
down_revision = "0102"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Requests come and go meanwhile."""
    revisions.run_apart("0103_request_kinds_validated")


def downgrade() -> None:
    """There is no way back: the check does no harm to the previous version."""
    raise RuntimeError("the check stays")
