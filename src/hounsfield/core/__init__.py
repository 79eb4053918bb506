"""The values that everything else is made of: numpy only, frozen, never mutated."""
