"""Infrastructure that knows nothing of images: files, the cache, progress bars, pickles."""
