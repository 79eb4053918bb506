"""The base data types: frozen dataclasses on numpy, never mutated."""
