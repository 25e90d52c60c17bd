"""Containers that behave as pods and WSL distros do."""
