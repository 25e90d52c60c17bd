"""What runs on hosts: standard library only, shipped as one zip."""
