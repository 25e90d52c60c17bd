"""dgops takes WSL distros and rented GPU pods from bare to ready, and proves that they stay so."""
