"""Urgent orders begin before all others that wait to be begun."""

from infra.db import revisions

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A head start of their own for starts."""
    revisions.run("0049_urgent_starts")


def downgrade() -> None:
    """There is no way back: urgent orders would wait behind a backlog."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
