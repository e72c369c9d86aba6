"""A fact from outside that cannot be applied is kept with the reason."""

from pathlib import Path

from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Room for the reason, and an index of those facts."""
    script = Path(__file__).with_name("0045_unapplied_facts.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: it would not be known which facts were not applied."""
    raise RuntimeError("the reasons are not dropped; restore a backup instead")
