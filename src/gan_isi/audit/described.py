"""What describes the images of an audit, computed once for all its attacks."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from .._runtime.store import digest
from .._validation.images import check_images
from ..attacks.comparison import Comparison
from ..attacks.pipeline import SourceIdentificationPipeline
from ..attacks.streaming import ClosestBags, closest_bags
from ..descriptors import DescriptorUnion
from ..descriptors.transformer import BaseImageTransformer, describe, families_of


class Described:
    """All images, described once for all attacks; or only the generated ones that are close."""

    def __init__(
        self, attacks: Mapping[str, SourceIdentificationPipeline], images: Any, generated: Any
    ) -> None:
        self._attacks, self._images, self._generated = attacks, images, generated
        self._families: dict[bytes, BaseImageTransformer] = {}
        self._of_attack: dict[str, list[bytes]] = {}
        for name, attack in attacks.items():
            attack.check_steps()
            descriptors = attack.steps[0][1]
            if isinstance(descriptors, (DescriptorUnion, BaseImageTransformer)):
                descriptors.fit(images)
                own = {digest(one._cache_key()): one for one in families_of(descriptors)}
                self._of_attack[name] = list(own)
                self._families = own | self._families
        self._streamed = [
            name
            for name, keys in self._of_attack.items()
            if attacks[name].streams(sum(self._families[key].n_columns for key in keys))
        ]
        work = [attacks[name].steps[0][1] for name in self._of_attack]
        self._how: dict[str, Any] = {
            "n_jobs": next((one.n_jobs for one in work if one.n_jobs is not None), None),
            "memory": next((one.memory for one in work if one.memory is not None), None),
            "verbose": any(one.verbose for one in work),
        }
        wanted = [
            key
            for name, keys in self._of_attack.items()
            if attacks[name].compares and name not in self._streamed
            for key in keys
        ]
        everything = self._families
        self._real = _columns(everything, everything, images, self._how, "describing real images")
        self._fakes = _columns(
            everything, dict.fromkeys(wanted), generated, self._how, "describing generated images"
        )

    def vectors(self, name: str) -> tuple[Any, Any]:
        """Return what an attack compares: what describes real and generated images."""
        attack = self._attacks[name]
        if name in self._of_attack:
            keys = self._of_attack[name]
            both = [self._real, self._fakes] if attack.compares else [self._real]
            found = [np.hstack([columns[key] for key in keys]) for columns in both]
            return found[0], found[1] if attack.compares else None
        descriptors = attack.steps[0][1]
        if isinstance(descriptors, str):
            return self._images, self._generated
        rows = descriptors.fit(self._images).transform(self._images)
        return rows, descriptors.transform(self._generated) if attack.compares else None

    def closest(self, name: str) -> ClosestBags | None:
        """Return the bags of an attack whose generated images are read a block after the other."""
        return self._closest.get(name)

    @cached_property
    def _closest(self) -> dict[str, ClosestBags]:
        """Read the generated images once, for all such attacks."""
        if not self._streamed:
            return {}
        keys = list(dict.fromkeys(key for n in self._streamed for key in self._of_attack[n]))
        families = [self._families[key] for key in keys]
        ends = np.cumsum([one.n_columns for one in families])
        places = dict(zip(keys, np.split(np.arange(ends[-1]), ends[:-1]), strict=True))
        asked = []
        for name in self._streamed:
            (_, descriptors), (_, distances), _ = self._attacks[name].steps
            own = self._of_attack[name]
            n_closest = self._attacks[name].n_closest
            assert n_closest is not None
            asked.append(
                Comparison(
                    distances,
                    np.hstack([self._real[key] for key in own]),
                    np.concatenate([places[key] for key in own]),
                    n_closest,
                    descriptors.blocks_,
                )
            )
        found = closest_bags(families, asked, self._generated, **self._how)
        return dict(zip(self._streamed, found, strict=True))


def _columns(
    families: Mapping[bytes, BaseImageTransformer],
    wanted: Iterable[bytes],
    images: Any,
    how: dict[str, Any],
    description: str,
) -> dict[bytes, NDArray[np.float32]]:
    keys = list(wanted)
    if not keys:
        return {}
    own = [families[key] for key in keys]
    checked = check_images(images, clone(own[0]), reset=True)
    rows = describe(own, checked, description=description, **how)
    ends = np.cumsum([one.n_columns for one in own])
    return dict(zip(keys, np.split(rows, ends[:-1], axis=1), strict=True))
