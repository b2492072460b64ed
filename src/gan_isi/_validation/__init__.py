"""Checks of arrays, images, bags of distances and labels before anything is computed."""
