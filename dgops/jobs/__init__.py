"""Durable units of work on hosts: submitted, followed, cancelled, and their results brought home."""
