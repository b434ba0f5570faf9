"""Small homes of every store format that ever landed, and how they are made."""
