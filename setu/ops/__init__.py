"""What operators need once v2 runs."""
