"""Facts that name no order find it by their payment, also at the same moment."""

from pathlib import Path

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the two wait for each other."""
    script = Path(__file__).with_name("0040_facts_find_orders.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: facts could be lost between two transactions."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
