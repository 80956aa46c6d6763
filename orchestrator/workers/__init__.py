"""Where functions execute besides the engine's own process."""
