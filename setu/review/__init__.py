"""What a reviewer asks: what changes, does it follow the rules, does it hold."""
