"""PNG slices: 8 bits to look at, 16 bits that keep the values, and a sidecar that keeps the grid."""
