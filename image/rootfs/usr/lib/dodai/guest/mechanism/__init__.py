"""How the kernel is asked for one thing each: signals, wait, spawn, files, /proc, directory watches."""
