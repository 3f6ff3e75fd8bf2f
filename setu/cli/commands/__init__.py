"""Commands of `setu`; each module has `register(app)`."""
