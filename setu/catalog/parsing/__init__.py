"""The parts of :mod:`setu.catalog.parsed`: one reader a kind of statement."""
