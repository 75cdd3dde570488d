"""One module for each command of `dodai`; the layer above features, below cli."""
