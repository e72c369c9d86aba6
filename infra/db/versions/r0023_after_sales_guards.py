"""A guarantee is asked for what is due of it, and a return shelves what came."""

from pathlib import Path

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the triggers."""
    script = Path(__file__).with_name("0023_after_sales_guards.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: money could be taken and goods sold that nobody found."""
    raise RuntimeError("the rules are not dropped; restore a backup instead")
