"""What happened, in structured lines: the one place that writes logs."""
