"""The first format: no state is older."""

revision = "1"
down_revision = None


def upgrade() -> None:
    """Change nothing."""
