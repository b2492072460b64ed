"""The command line: ``gan-isi audit``, ``verify``, ``predict``, ``submit`` and ``cache``."""

from .app import main

__all__ = ["main"]
