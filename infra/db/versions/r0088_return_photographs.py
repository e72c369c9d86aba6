"""Customers upload photographs to a return."""

from infra.db import revisions

revision = "0088"
down_revision = "0087"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table of its own; the previous version does not read it."""
    revisions.run("0088_return_photographs")


def downgrade() -> None:
    """There is no way back: the photographs would be lost."""
    raise RuntimeError("returns keep their photographs; the previous version ignores them")
