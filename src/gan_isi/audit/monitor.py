"""A monitor for training says from which checkpoint on copies appear."""

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .._preflight.before_fit import intensity_ranges
from .._runtime.output import write_atomically
from .._validation.arrays import check_count
from .._validation.labels import check_groups, number_groups
from ..statistics.arguments import check_share
from ..statistics.looks import level_of_look, rank_p_values
from .arguments import joined
from .measures import of_rule
from .monitor_inputs import MonitorInputs, check_enough, digest_of, plain
from .monitor_record import MonitorRecord
from .monitor_rule import label_free, score


class MemorizationMonitor:
    """Tell while a generator trains from which checkpoint on copies appear.

    Real images are described once. At each checkpoint some new generated images are compared with
    them, by a rule that learns nothing: how much closer the closest one is than is usual for the
    real image, and for the generated one, on average over the views of the attack.

    Parameters
    ----------
    used : array-like or sequence of array-like
        Real images that the generator is trained on, or a part of them.
    not_used : array-like or sequence of array-like
        Real images of the same kind that it is not trained on. Draw them at random: the monitor
        sees no difference between copies and sets that differ anyway.
    groups : array-like of shape (n_used + n_not_used,), default=None
        Patient of each used image, then of each image not used. Patients are used or not used as a
        whole. Without them, copies of one picture are one patient.
    attack : str or SourceIdentificationPipeline, default="recommended"
        Attack whose descriptors and distances compare. What its last step would learn is not
        learned.
    alpha : float, default=0.05
        Probability that any checkpoint of the whole training is called one with copies if it says
        nothing of the scores of a patient whether the patient was used.
    n_checkpoints : int, default=None
        Number of checkpoints, if that is known: each is tested at `alpha` divided by it, and later
        ones name nothing. With None checkpoint k is tested at ``6 alpha / (pi k)^2``.
    n_pairs : int, default=5
        Number of the most outstanding pairs that are kept.
    intensity_range : {"dtype", "image"} or (low, high), default=None
        Intensities that become 0 and 1, see :class:`~gan_isi.BaseDescriptor`: (-1, 1) for tensors
        as most generators make them. None leaves the attack its own.
    n_jobs : int, default=None
        Number of threads that compare. Changes no result.

    Attributes
    ----------
    records : list of MonitorRecord
        One a checkpoint, in the order of the checks.
    labels : ndarray of shape (n_used + n_not_used,)
        1 for used images, which come first, 0 for others.
    groups : ndarray of int or None
        Number of each one's patient.

    Raises
    ------
    ValueError
        If a picture is among the used and the other images, if their intensities differ in scale,
        if patients are both, and if there are too few to ever name a checkpoint.

    Notes
    -----
    The looks depend on each other, as they are of the same real images and one generator. The
    levels add up to at most `alpha`, so that the error is at most that however they depend. Each
    p-value is exact: the scores know no label, and all orders of the labels over the patients are
    counted. The images that are kept in a pickle of the monitor are small pictures of the real
    ones; what `save` writes has none.

    Examples
    --------
    >>> from gan_isi import MemorizationMonitor, datasets
    >>> it = datasets.make_membership_problem(
    ...     40, n_generated=60, image_size=32, memorization=0.9, random_state=0
    ... )
    >>> monitor = MemorizationMonitor(it.images[it.target == 1], it.images[it.target == 0])
    >>> noise = np.random.default_rng(0).integers(0, 256, (60, 32, 32), dtype=np.uint8)
    >>> monitor.check(noise, step=100).copies
    False
    >>> monitor.check(it.generated, step=200).copies
    True
    >>> monitor.onset
    200
    """

    def __init__(
        self,
        used: Any,
        not_used: Any,
        groups: Any = None,
        *,
        attack: Any = "recommended",
        alpha: float = 0.05,
        n_checkpoints: int | None = None,
        n_pairs: int = 5,
        intensity_range: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.alpha = check_share(alpha, "alpha")
        self.n_checkpoints = (
            None if n_checkpoints is None else check_count(n_checkpoints, "n_checkpoints")
        )
        self.n_pairs = check_count(n_pairs, "n_pairs", 0)
        self.records: list[MonitorRecord] = []
        self._attack = label_free(attack, intensity_range, n_jobs)
        self._descriptors = self._attack.steps[0][1]
        sets = {"used": plain(used, "used"), "not used": plain(not_used, "not_used")}
        sizes = [len(one) for one in sets.values()]
        self.labels = np.repeat([1, 0], sizes)
        self.groups: NDArray[np.intp] | None = None
        if groups is not None:
            self.groups = number_groups(check_groups(groups, sum(sizes)))
        self._inputs = MonitorInputs(sets, intensity_ranges(self._attack))
        self.groups = self._inputs.patients(sets, self.groups)
        check_enough(self.labels, self.groups, level_of_look(self.alpha, 1, self.n_checkpoints))
        self._digest = digest_of(sets, self.groups)
        self._real = self._descriptors.fit_transform(joined(*sets.values()))

    @property
    def onset(self) -> float | None:
        """Step of the first checkpoint at which copies appear; None until there is one."""
        return next((one.step for one in self.records if one.copies), None)

    def check(self, generated: Any, step: float) -> MonitorRecord:
        """Compare new generated images with the real ones.

        Parameters
        ----------
        generated : array-like or sequence of array-like
            Images that the generator makes now, new ones at each checkpoint and about as many each
            time; also a tensor (n, channels, height, width) on any device.
        step : int or float
            Step or epoch of the training, by which the checkpoint is named.

        Returns
        -------
        MonitorRecord
            What was found, also the last one of `records`.

        Raises
        ------
        ValueError
            If the generated images have another scale of intensities than the real ones, or there
            are fewer than two. Nothing is recorded then.
        """
        began = perf_counter()
        generated = plain(generated, "generated")
        if len(generated) < 2:
            raise ValueError(f"check needs at least 2 generated images; got {len(generated)}.")
        if not isinstance(step, (int, float, np.number)) or not np.isfinite(step):
            raise ValueError(f"step has to be a finite number, such as 1000; got {step!r}.")
        self._inputs.check_scale(generated, first=not self.records)
        reference = self._descriptors.transform(generated)
        n_used = int(self.labels.sum())
        scores, pairs = score(self._attack, self._real, reference, n_used, self.n_pairs)
        p_all, p_highest = rank_p_values(self.labels, scores, self.groups)
        p_value = min(1.0, 2 * min(p_all, p_highest))
        level = level_of_look(self.alpha, len(self.records) + 1, self.n_checkpoints)
        if not level:
            warnings.warn(
                f"n_checkpoints={self.n_checkpoints} were planned, and this is one more: copies "
                "can't be named any more.",
                stacklevel=2,
            )
        record = MonitorRecord(
            step=step.item() if isinstance(step, np.number) else step,
            n_generated=len(generated),
            auc=of_rule(self.labels, scores, self.groups),
            p_value=p_value,
            p_all=p_all,
            p_highest=p_highest,
            level=level,
            copies=p_value <= level,
            pairs=pairs,
            seconds=perf_counter() - began,
        )
        self.records.append(record)
        return record

    def to_frame(self) -> Any:
        """Return the checkpoints as a table.

        Returns
        -------
        pandas.DataFrame
            One row a checkpoint.
        """
        import pandas as pd

        rows = [
            {
                "step": one.step, "n_generated": one.n_generated, "auc": one.auc.value,
                "auc_low": one.auc.low, "auc_high": one.auc.high, "p_value": one.p_value,
                "level": one.level, "copies": one.copies, "seconds": one.seconds,
            }
            for one in self.records
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def plot(self, ax: Any = None) -> Any:
        """Draw the AUC with its interval over the steps, and mark the onset.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        MonitorDisplay
            Drawn, with the axes as `ax_`, see :class:`gan_isi.plotting.MonitorDisplay`.

        Raises
        ------
        ValueError
            If nothing was checked yet.
        """
        from ..plotting import MonitorDisplay

        return MonitorDisplay.from_monitor(self, ax=ax)

    def state_dict(self) -> dict[str, Any]:
        """Return what was recorded as plain types, without any picture.

        Returns
        -------
        dict
            For a checkpoint of the training, or JSON.
        """
        return {
            "alpha": self.alpha,
            "n_checkpoints": self.n_checkpoints,
            "real": self._digest,
            "records": [one.to_dict() for one in self.records],
        }

    def load_state_dict(self, state: dict[str, Any]) -> Self:
        """Go on where a monitor of the same real images was.

        Parameters
        ----------
        state : dict
            Result of `state_dict`.

        Returns
        -------
        self
            With the records of `state` in place of its own.

        Raises
        ------
        ValueError
            If it is of other images, or of another `alpha` or `n_checkpoints`.
        """
        for name, own in (("alpha", self.alpha), ("n_checkpoints", self.n_checkpoints)):
            if state[name] != own:
                raise ValueError(
                    f"The records were made with {name}={state[name]!r}, and this monitor has "
                    f"{own!r}: levels that change on the way add up to no level. Give the same."
                )
        if state["real"] != self._digest:
            raise ValueError(
                "The records are of other real images or patients than this monitor's; give the "
                "same in the same order."
            )
        self.records = [MonitorRecord.from_dict(one) for one in state["records"]]
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the records as JSON, without any picture.

        Parameters
        ----------
        path : path-like
            File to write.
        """
        write_atomically(path, json.dumps(self.state_dict(), indent=1))

    def load(self, path: str | os.PathLike[str]) -> Self:
        """Go on with the records that `save` wrote.

        Parameters
        ----------
        path : path-like
            File to read.

        Returns
        -------
        self
            See `load_state_dict`.
        """
        return self.load_state_dict(json.loads(Path(path).read_text(encoding="utf-8")))

    def callback(
        self,
        sample: Callable[[Any], Any],
        *,
        every: int = 1000,
        stop: bool = False,
        path: str | os.PathLike[str] | None = None,
    ) -> Any:
        """Return a callback for Lightning's Trainer that checks every so many steps.

        Parameters
        ----------
        sample : callable
            Function of the module that returns new generated images. It is called without
            gradients and with all submodules in evaluation mode, which are then set back, as are
            the random numbers of PyTorch and NumPy.
        every : int, default=1000
            Number of steps of the training (`trainer.global_step`) between two checks.
        stop : bool, default=False
            Whether the training ends where copies appear.
        path : path-like, default=None
            File that the records are written to after each check.

        Returns
        -------
        lightning.pytorch.Callback
            With the records in each checkpoint of the training. If Lightning is not installed, an
            object with the same methods.
        """
        from .monitor_callback import callback_class

        return callback_class()(self, sample, check_count(every, "every"), stop, path)

    def __repr__(self) -> str:
        """Return what is watched, and what was found."""
        n_used = int(self.labels.sum())
        said = str(self.records[-1]) if self.records else "nothing checked"
        return (
            f"<MemorizationMonitor: {n_used} used, {len(self.labels) - n_used} not used, "
            f"{len(self.records)} checkpoints, onset {self.onset}; {said}>"
        )
