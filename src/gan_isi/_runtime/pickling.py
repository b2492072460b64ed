"""A warning for pickles that come from another version of this library."""

import warnings
from typing import Any

from .._version import __version__
from .links import DocLinkMixin

_KEY = "_gan_isi_version"


class InconsistentVersionWarning(UserWarning):
    """A pickled estimator was written by another version of gan_isi."""


class VersionedPickleMixin(DocLinkMixin):
    """Mixin that stores the library's version in every pickle.

    scikit-learn does this for its own classes only.
    """

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), _KEY: __version__}  # type: ignore[dict-item]

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        written_by = state.pop(_KEY, "unknown")
        if written_by != __version__:
            warnings.warn(
                f"This estimator was pickled by gan_isi {written_by} and is being loaded by "
                f"gan_isi {__version__}; its results may be wrong. Fit it again, or install "
                f"gan_isi=={written_by}.",
                InconsistentVersionWarning,
                stacklevel=2,
            )
        super().__setstate__(state)  # type: ignore[misc]
