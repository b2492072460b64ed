"""Progress of long work: progress bars, and scikit-learn's callbacks in `fit`."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from .whole import in_whole, stage, tqdm

__all__ = ["CallbackSupportMixin", "fit_task", "progress_bar", "with_callbacks"]

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stand-in for versions of scikit-learn without callbacks."""

        def _init_callback_context(self, **options: Any) -> None:
            return None

    def with_callbacks(method: Any) -> Any:
        return method


def progress_bar(total: int, *, description: str, unit: str, verbose: int | bool) -> Any:
    """Return a progress bar that `update(n)` moves.

    Parameters
    ----------
    total : int
        Number of units of the whole work.
    description : str
        Description of the work.
    unit : str
        Name of a unit, in the singular; the bar shows units per second.
    verbose : int or bool
        Whether the bar is shown.

    Returns
    -------
    tqdm.tqdm
        A context manager. In a notebook it is a widget if ipywidgets is installed. Where one line
        is shown for the whole of the work, this is a stage of it.
    """
    if verbose and in_whole():
        return stage(description, total, unit)
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
        Context of the whole fit if `name` is empty, and otherwise the context that this task
        is a part of. With None nothing happens.
    estimator : estimator
        Estimator that is being fitted.
    name : str, default=""
        Name of this task.
    child : estimator, default=None
        Estimator that this task fits; its own tasks are parts of this one.
    timed : context manager, default=None
        Context that prints the time that this task took.
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
