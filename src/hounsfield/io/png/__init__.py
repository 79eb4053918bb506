"""Read and write PNG slices: 8 bits for display, 16 bits for values, with a sidecar file."""
