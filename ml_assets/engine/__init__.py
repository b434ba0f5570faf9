"""From specs to results: what each asset is made of, what must run, making it."""
