"""The first format; no older state exists."""

revision = "1"
down_revision = None


def upgrade() -> None:
    """Change nothing."""
