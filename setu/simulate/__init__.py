"""Fleets that are made up."""
