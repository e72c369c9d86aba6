"""A worker of an older version cannot fail the orders of a job that it does not know."""

from infra.db import revisions

revision = "0115"
down_revision = "0114"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Jobs over parked orders are as before."""
    revisions.run("0115_jobs_over_chosen_orders")


def downgrade() -> None:
    """There is no way back: orders would be reported as not parked."""
    raise RuntimeError("the guard stays: the previous version works beside it")
