"""One line for long work of several stages: how far it is, and about how much time is left."""

import builtins
import sys
import threading
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import wraps
from math import isfinite, nan
from typing import Any, TypeVar

from .output import visible

with warnings.catch_warnings():
    # In a notebook without ipywidgets a bar is text, which needs no warning at every import.
    warnings.filterwarnings("ignore", "IProgress not found")
    from tqdm.auto import tqdm as tqdm

#: Seconds between two lines of a log, before the first one, and before one for a new stage.
LOG_EVERY, _LOG_STAGE = 30.0, 10.0

#: Share and seconds of a stage after which its own speed is trusted, instead of the estimate.
_SHARE, _SECONDS = 0.02, 2.0

#: Seconds of a stage that say more of the next ones than their estimates.
_TOLD = 5.0

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Stage:
    """A part of the work.

    Attributes
    ----------
    name : str
        What is done.
    seconds : float, default=nan
        How long it takes by an estimate; NaN if that is not known.
    """

    name: str
    seconds: float = nan


class Whole:
    """Work of several stages, of which one line is shown.

    Parameters
    ----------
    title : str
        Name of the work.
    clock : callable
        Function that returns seconds.
    """

    def __init__(self, title: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.title = title
        self.stages: list[Stage] = []
        self.current = -1
        self.busy = False
        self._clock = clock
        self._began = self._stage_began = clock()
        self._done, self._total, self._unit = 0, 0, ""
        self._expected = False
        self._changed: Callable[[], Any] = lambda: None

    def expect(self, stages: Sequence[Stage]) -> None:
        """Set the stages that are still to come, in their order; all before are done."""
        self.stages, self.current, self._expected = list(stages), -1, True
        self._changed()

    def begin(self, name: str, total: int, unit: str) -> None:
        """Begin a stage: the next one of this name, those before it being done, or a new one."""
        later = range(self.current + 1, len(self.stages))
        found = next((i for i in later if self.stages[i].name == name), None)
        if found is None:
            found = self.current + 1
            self.stages.insert(found, Stage(name))
        self.current, self.busy = found, True
        self._done, self._total, self._unit = 0, total, unit
        self._stage_began = self._clock()
        self._changed()

    def update(self, n: int = 1) -> None:
        """Count units of the current stage that are done."""
        self._done += n

    def end(self) -> None:
        """End the current stage; the next ones of the same attack may be slower or faster, too."""
        self._done = self._total = max(self._total, 1)
        self.busy = False
        name, seconds = self.stages[self.current].name, self.stages[self.current].seconds
        elapsed = self._clock() - self._stage_began
        if elapsed > _TOLD and seconds > 0:
            for i in range(self.current + 1, len(self.stages)):
                if _owner(self.stages[i].name) == _owner(name):
                    scaled = self.stages[i].seconds * elapsed / seconds
                    self.stages[i] = replace(self.stages[i], seconds=scaled)

    @property
    def elapsed(self) -> float:
        """Seconds since the work began."""
        return self._clock() - self._began

    @property
    def left(self) -> float:
        """Seconds that are left; NaN where that is not known, or no longer."""
        if not self._expected:
            return nan
        later = sum(one.seconds for one in self.stages[self.current + 1 :])
        return later + (self._left_of_stage() if self.busy else 0.0)

    @property
    def share(self) -> float:
        """Share of the work that is done, by its estimated time; without one, of its stage."""
        if not self._expected:
            return self._share_of_stage() if self._unit else 0.0
        known = [one.seconds for one in self.stages if isfinite(one.seconds)]
        usual = sum(known) / len(known) if any(known) else 1.0
        weights = [one.seconds if isfinite(one.seconds) else usual for one in self.stages]
        done = sum(weights[: max(self.current, 0)])
        if self.current >= 0:
            done += weights[self.current] * (self._share_of_stage() if self.busy else 1.0)
        return done / (sum(weights) or 1.0)

    def __str__(self) -> str:
        parts = []
        if self.current >= 0:
            counted = f", {self._unit} {self._done} of {self._total}" if self._unit else ""
            parts.append(f"{visible(self.stages[self.current].name)}{counted}")
        if isfinite(self.left):
            parts.append(f"about {duration(self.left)} left")
        return ", ".join(parts)

    def _share_of_stage(self) -> float:
        if self._unit:
            return self._done / max(self._total, 1)
        seconds = self.stages[self.current].seconds  # it counts nothing
        return min((self._clock() - self._stage_began) / seconds, 1.0) if seconds > 0 else 0.0

    def _left_of_stage(self) -> float:
        elapsed, share = self._clock() - self._stage_began, self._share_of_stage()
        if self._unit and share > _SHARE and elapsed > _SECONDS:
            return elapsed * (1 - share) / share
        left = self.stages[self.current].seconds - elapsed
        return left if left > 0 or elapsed < _SECONDS else nan


def _owner(name: str) -> str:
    """Return the attack that a stage is of."""
    return name.split(":")[0].split(",")[0]


class Task:
    """A stage as its worker sees it: a context manager with `update`, as a progress bar has."""

    def __init__(self, whole: Whole | None) -> None:
        self._whole = whole

    def __enter__(self) -> "Task":
        return self

    def __exit__(self, *raised: Any) -> None:
        if self._whole is not None:
            self._whole.end()

    def update(self, n: int = 1) -> None:
        """Count units that are done."""
        if self._whole is not None:
            self._whole.update(n)


_WHOLE: ContextVar[Whole | None] = ContextVar("whole", default=None)


def in_whole() -> bool:
    """Return whether one line is shown for the whole of the work."""
    return _WHOLE.get() is not None


def expect(stages: Callable[[], Sequence[Stage]]) -> None:
    """Set the stages to come, if one line is shown; otherwise `stages` is not called."""
    whole = _WHOLE.get()
    if whole is not None:
        with stage("estimating the time"):
            found = stages()
        whole.expect(found)


def stage(name: str, total: int = 0, unit: str = "") -> Task:
    """Begin a stage of the work, if one line is shown for the whole of it.

    Parameters
    ----------
    name : str
        What is done.
    total : int, default=0
        Number of units.
    unit : str, default=""
        Name of a unit, in the singular; empty if nothing is counted.

    Returns
    -------
    Task
        A context manager; `update(n)` counts. Within another stage it does nothing.
    """
    whole = _WHOLE.get()
    if whole is None or whole.busy:
        return Task(None)
    whole.begin(name, total, unit)
    return Task(whole)


def counted(items: Collection[Any], name: str, unit: str) -> Iterator[Any]:
    """Yield the items, as a stage of the work if one line is shown."""
    with stage(name, len(items), unit) as shown:
        for item in items:
            yield item
            shown.update()


@contextmanager
def one_line(title: str, verbose: Any, *, leave: bool = True) -> Iterator[None]:
    """Within this context one line is shown of all work.

    Parameters
    ----------
    title : str
        Name of the work.
    verbose : bool
        Whether it is shown: on a terminal and in a notebook as a bar, elsewhere as lines
        without control characters, one in half a minute, and none of short work.
    leave : bool, default=True
        Whether the bar stays when the work is done.
    """
    if not verbose or in_whole() or sys.stderr is None:
        yield
        return
    whole = Whole(title)
    token = _WHOLE.set(whole)
    as_bar = sys.stderr.isatty() or hasattr(builtins, "__IPYTHON__")
    try:
        with _as_bar(whole, leave) if as_bar else _as_log(whole):
            yield
    finally:
        _WHOLE.reset(token)


def shown_in_one_line(title: str) -> Callable[[Function], Function]:
    """Return a decorator by which a function with the keyword `verbose` shows one line."""

    def decorate(function: Function) -> Function:
        @wraps(function)
        def wrapped(*arguments: Any, **options: Any) -> Any:
            with one_line(title, options.get("verbose", False)):
                return function(*arguments, **options)

        return wrapped  # type: ignore[return-value]

    return decorate


def duration(seconds: float) -> str:
    """Return a duration in words."""
    if seconds < 1.5:
        return "1 second"
    if seconds < 100:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 6000 else f"{seconds / 3600:.1f} hours"


@contextmanager
def _as_bar(whole: Whole, leave: bool) -> Iterator[None]:
    # The widget of a notebook takes the place of "{bar}" only.
    form = f"{{percentage:3.0f}}%|{'{bar:20}' if sys.stderr.isatty() else '{bar}'}| {{desc}}"
    bar = tqdm(total=100, desc=whole.title, bar_format=form, leave=leave)

    def show() -> None:
        bar.n = round(100 * whole.share)
        bar.set_description_str(f"{whole.title}: {whole}")

    whole._changed = show
    try:
        with _every(0.5, show):
            yield
        bar.n = 100
        bar.set_description_str(f"{whole.title}: done in {duration(whole.elapsed)}")
    finally:
        bar.close()


@contextmanager
def _as_log(whole: Whole) -> Iterator[None]:
    last, written, announced = whole.elapsed, False, False

    def write(text: str) -> None:
        nonlocal last, written
        last, written = whole.elapsed, True
        with suppress(OSError, ValueError):  # who reads it has closed it
            print(f"{whole.title}: {text}", file=sys.stderr, flush=True)

    def show(gap: float) -> None:
        nonlocal announced
        if isfinite(whole.left) and not announced:
            announced = True
            if whole.left >= LOG_EVERY:
                write(f"about {duration(whole.left)}, estimated from a few images and small fits")
        if whole.elapsed >= LOG_EVERY and whole.elapsed - last >= gap:
            write(f"{100 * whole.share:.0f} % done, {whole}")

    whole._changed = lambda: show(_LOG_STAGE)
    with _every(min(1.0, LOG_EVERY / 2), lambda: show(LOG_EVERY)):
        yield
    if written:
        write(f"done in {duration(whole.elapsed)}")


@contextmanager
def _every(seconds: float, call: Callable[[], Any]) -> Iterator[None]:
    """Call a function every few seconds, also while the work counts nothing."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(seconds):
            call()

    thread = threading.Thread(target=run, daemon=True, name="progress")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
