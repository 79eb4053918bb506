"""Search outputs for what identifies the patients of their sources."""
