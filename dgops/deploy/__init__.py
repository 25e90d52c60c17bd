"""From a bare host to a ready one, by Ansible."""
