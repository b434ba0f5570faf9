"""Release bundles outside the home: writing, reading, checking, signing and scoring them."""
