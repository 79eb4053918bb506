"""Read and write NIfTI-1 and NIfTI-2, as single files or pairs, plain or gzip."""
