"""Stand-ins for hosts that cannot be had here."""
