"""Store credit, parcels sent again, exchanges."""

from pathlib import Path

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and their triggers."""
    script = Path(__file__).with_name("0017_exchanges.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: what customers are owed would be gone."""
    raise RuntimeError("store credit is not dropped; restore a backup instead")
