"""SETU: versioned migrations between v1 and v2 of the database, in both directions."""
