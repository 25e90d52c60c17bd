"""Environments for PyTorch: which builds there are, what runs where and why not, and their locks."""
