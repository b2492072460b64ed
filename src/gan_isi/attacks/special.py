"""Attacks that can't follow the usual pipeline to another generated set."""

import copy
from typing import Any, Self

from sklearn.utils.validation import check_is_fitted

from .pipeline import SourceIdentificationPipeline


class BlindPipeline(SourceIdentificationPipeline):
    """An attack without distances: `generated` is taken in `fit`, and never looked at.

    Built by :func:`make_blind`; the parameters are those of the base.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels of images that were not used, and of those that were.
    """

    # No step asks for it; with metadata routing on, the attack itself takes it.
    __metadata_request__fit = {"generated": True}  # noqa: RUF012

    def get_metadata_routing(self) -> Any:
        """Return the routing of the steps, and that `fit` itself takes `generated`.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
        """
        return super().get_metadata_routing().add_self_request(self)

    def retarget(self, generated: Any) -> Self:
        """Return a fitted copy, which says the same: no generated image takes part.

        Parameters
        ----------
        generated : array-like, sequence, or 1-tuple of either
            Ignored.

        Returns
        -------
        BlindPipeline
            The original stays as it is.
        """
        check_is_fitted(self)
        return copy.copy(self)

    @property
    def n_generated_(self) -> int:
        """Not there, as no query is compared with anything."""
        raise AttributeError("A blind attack compares with no generated images.")


class RetrievalPipeline(SourceIdentificationPipeline):
    """An attack whose classifier knows the generated images of `fit` one by one.

    Built by :func:`make_baseline`; the parameters are those of the base.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels of images that were not used, and of those that were.
    n_generated_ : int
        Number of generated images that queries are compared with.
    """

    def retarget(self, generated: Any) -> Self:
        """Refuse: how close known non-members come to other images is not known.

        Parameters
        ----------
        generated : array-like, sequence, or 1-tuple of either
            The other generated images.

        Raises
        ------
        ValueError
            Always, for a fitted attack.
        """
        check_is_fitted(self)
        raise ValueError(
            "Retrieval knows how close the known non-members come to the generated images of "
            "fit only; fit it again, with generated=... the other ones."
        )
