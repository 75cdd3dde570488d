"""What happens when: the life of PID 1 as a table, the stop budget, the exit code."""
