"""Rented pods: what there is to rent, renting it, and never losing sight of what is billed."""
