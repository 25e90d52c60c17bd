"""Repositories and how they stand."""
