"""The lines of an exchange order stay."""

from pathlib import Path

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the triggers."""
    script = Path(__file__).with_name("0022_exchange_goods.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: an order could lose what the customer sent back."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
