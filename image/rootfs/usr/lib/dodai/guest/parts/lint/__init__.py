"""What is wrong with a derived image, or with a tree that will be copied into one; nothing is run and nothing is changed."""
