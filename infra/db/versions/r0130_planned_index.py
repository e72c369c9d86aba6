"""Planned fulfilments are found without a look at the others."""

from infra.db import revisions

revision = "0130"
down_revision = "0129"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Built beside what runs."""
    revisions.run_apart("0130_planned_index")


def downgrade() -> None:
    """There is no way back: see the revision before."""
    raise RuntimeError("the index is used by what wakes backorders")
