"""What sets of images look like, and in what they differ: said before anything is fitted."""
