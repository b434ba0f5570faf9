"""Programs and locks that go into a bundle as they are; they import nothing of ml_assets."""
