"""Trainers, each a plugin that plans and reads; nothing in here touches a file or starts a process."""
