"""What images carry beside what the roles made."""
