"""One module a program: reads its arguments, calls downwards, returns the exit code."""
