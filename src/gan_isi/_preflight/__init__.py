"""Comparison of the sets of images before anything is fitted, with warnings where they differ."""
