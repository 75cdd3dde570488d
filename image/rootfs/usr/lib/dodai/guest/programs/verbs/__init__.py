"""The verbs of dodaictl, one module each."""
