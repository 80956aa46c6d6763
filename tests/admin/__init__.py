"""Django's admin as operators use it."""
