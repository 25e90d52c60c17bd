"""Where images come from; each source is a plugin behind one Protocol."""
