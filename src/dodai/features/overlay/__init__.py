"""The overlay: my_init and the tools as a layer of a few files, for an image that has Python and runit already."""
