"""What users see of long work: progress bars, and scikit-learn's callbacks in `fit`."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from tqdm.auto import tqdm

__all__ = ["CallbackSupportMixin", "fit_task", "progress_bar", "with_callbacks"]

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands where scikit-learn has no callbacks."""

        def _init_callback_context(self, **options: Any) -> None:
            return None

    def with_callbacks(method: Any) -> Any:
        return method


def progress_bar(total: int, *, description: str, unit: str, verbose: int | bool) -> Any:
    """Return a bar that is moved by `update(n)`; silent unless verbose.

    Parameters
    ----------
    total : int
        Number of units of the whole work.
    description : str
        What is being done.
    unit : str
        What is counted, in the singular; the bar shows them per second.
    verbose : int or bool
        Whether there is anything to see.

    Returns
    -------
    tqdm.tqdm
        A context manager. In a notebook a widget where ipywidgets are there.
    """
    return tqdm(total=total, desc=description, unit=f" {unit}", disable=not verbose)


@contextmanager
def fit_task(
    context: Any,
    estimator: Any,
    name: str = "",
    *,
    child: Any = None,
    timed: AbstractContextManager[None] | None = None,
) -> Iterator[None]:
    """Tell scikit-learn's callbacks that a task of a fit begins and ends.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext or None
        Of the whole fit when `name` is empty, else that of which this is a part; None
        does nothing.
    estimator : estimator
        The one that is being fitted.
    name : str, default=""
        Of this part.
    child : estimator, default=None
        An estimator that this part fits: its tasks are told of as parts of this one.
    timed : context manager, default=None
        What prints the time that this part took.
    """
    with timed or nullcontext():
        if context is None:
            yield
            return
        task = context.subcontext(task_name=name) if name else context
        task.call_on_fit_task_begin(estimator=estimator)
        inner = hasattr(child, "_init_callback_context")
        with task.propagate_callback_context(child) if inner else nullcontext():
            yield
        task.call_on_fit_task_end(estimator=estimator)
