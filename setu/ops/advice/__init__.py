"""The rules of ``setu doctor``, a file a subject; each query returns what it finds."""
