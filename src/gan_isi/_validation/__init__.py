"""What counts as an array, an image, a bag, a label: checks before anything is computed."""
