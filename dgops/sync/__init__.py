"""Double-apply: what was edited on a host comes home as a commit, and what is at home goes there."""
