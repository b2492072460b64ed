"""The `generated` argument: one set of generated images, safe from being sliced."""

from typing import Any

from ._validation.items import as_images


def check_generated(generated: Any, n_queries: int | None = None) -> Any:
    """Unwrap the 1-tuple form and refuse what model selection may have sliced.

    Parameters
    ----------
    generated : array-like, sequence or 1-tuple
        The generated images, or a tuple that holds them.
    n_queries : int, default=None
        Length of `X`, in `fit`.

    Returns
    -------
    array-like or sequence
        The generated images.

    Raises
    ------
    ValueError
        For a tuple of another length, and for an array exactly as long as `X`:
        scikit-learn's model selection takes such an argument for one value a query and
        hands each fold a part of it.
    """
    if isinstance(generated, tuple):
        if len(generated) != 1:
            raise ValueError(
                "A tuple given as generated has to hold one set of images, "
                f"generated=(images,); got a tuple of {len(generated)}."
            )
        return as_images(generated[0])
    generated = as_images(generated)
    n_generated = _length(generated)
    if n_queries is not None and n_generated == n_queries:
        raise ValueError(
            f"generated is exactly as long as X ({n_queries}), so that scikit-learn's model "
            "selection would slice it with the queries; wrap it in a tuple: "
            "generated=(generated,)."
        )
    return generated


def _length(generated: Any) -> int | None:
    shape = getattr(generated, "shape", None)
    if shape:
        return int(shape[0])
    return len(generated) if hasattr(generated, "__len__") else None
