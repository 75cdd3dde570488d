"""Speed and size of my_init beside its peers, measured from the exec of the init, all in one run: `make bench`."""
