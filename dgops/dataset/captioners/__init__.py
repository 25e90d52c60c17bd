"""What writes captions; each captioner is a plugin behind one Protocol."""
