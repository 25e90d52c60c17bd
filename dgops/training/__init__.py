"""Training: recipes, trainers behind one Protocol, and a run from a published set to a LoRA."""
