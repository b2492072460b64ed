"""``python -m gan_isi``, the same as ``gan-isi``."""

from .cli.app import run

if __name__ == "__main__":
    run()
