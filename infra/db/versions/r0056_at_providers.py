"""What waits at the providers for a person: disputes with their deadline and evidence, facts that fit nothing."""

from pathlib import Path

from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Room for both, and what a person may do."""
    script = Path(__file__).with_name("0056_at_providers.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: the evidence would be gone."""
    raise RuntimeError("evidence is not dropped; restore a backup instead")
