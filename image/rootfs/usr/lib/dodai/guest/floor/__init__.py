"""Constants and words: imports nothing of this package."""
