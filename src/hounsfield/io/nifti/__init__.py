"""NIfTI-1 and NIfTI-2, single files and pairs, plain and gzip."""
