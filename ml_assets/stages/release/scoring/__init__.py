"""Programs and lock files that are copied into a bundle; they do not import ml_assets."""
