"""How many threads the libraries below take."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


@cache
def _pools() -> Any:
    # To look for the libraries takes longer than a small fit, or a picture's distances.
    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[Any]:
    """Return a context in which BLAS takes one thread.

    The order of its sums depends on their number; and where pieces of work are small, or
    threads of our own share them, more would mostly wait for each other.
    """
    return _pools().limit(limits=1, user_api="blas")
