"""Hosts, inventories and paths."""
