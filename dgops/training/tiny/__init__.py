"""The program of the trainer `tiny`: it runs in a venv of its own, without dgops, and is carried there by its plan."""
