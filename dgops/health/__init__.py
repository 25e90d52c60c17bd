"""Checks, contracts, and what they say about a host."""
