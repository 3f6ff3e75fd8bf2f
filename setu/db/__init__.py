"""The connection, the deploy lock, and what the server says meanwhile."""
