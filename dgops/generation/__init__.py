"""Pictures from trained models: the server that makes them."""
