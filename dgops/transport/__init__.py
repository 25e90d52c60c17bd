"""How argv, files and tunnels reach a host."""
