"""Functions that do real work and show how to write your own."""
