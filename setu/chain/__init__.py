"""Scripts, revisions and the run that takes a database along them."""
