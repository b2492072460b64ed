"""What has nothing to do with images: files, progress, pickles, scikit-learn's internals."""
