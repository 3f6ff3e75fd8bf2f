"""The way in: gateway files and their templates."""
