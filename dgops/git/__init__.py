"""The git command line, typed."""
