"""Many cases: find them, run a pipeline over them, resume, and bring predictions back."""
