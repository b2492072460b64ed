"""Named parts side by side, whose parameters are reached by name."""

from collections.abc import Collection
from inspect import signature
from typing import Any, ClassVar, Self

from .sklearn_compat import BaseComposition, VisualBlock


class NamedParts(BaseComposition):
    """Base class of what holds a `transformer_list` of (name, part or "drop").

    A subclass stores `transformer_list` in its `__init__`, and fitted clones of the parts
    that are not dropped in `transformers_`.
    """

    _required_parameters = ["transformer_list"]  # noqa: RUF012

    #: Names of parts that may be dropped where they are not there, so that a grid can add them.
    _known_parts: ClassVar[Collection[str]] = ()

    transformer_list: list[tuple[str, Any]]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, and by name the parts and theirs.

        Parameters
        ----------
        deep : bool, default=True
            Whether those of the parts are included.

        Returns
        -------
        dict
            Values by name.
        """
        return self._get_params("transformer_list", deep=deep)

    def set_params(self, **params: Any) -> Self:
        """Set parameters, parameters of the parts, or whole parts, by name.

        Parameters
        ----------
        **params : dict
            New values by name, such as ``gabor__bandwidth=2``, ``gabor="drop"`` or
            ``gabor=GaborDescriptor()``. A part under a new name is added at the end.

        Returns
        -------
        self
            Itself.
        """
        if "transformer_list" in params:  # the list that the others change
            self.transformer_list = params.pop("transformer_list")
        parts = {
            name: part
            for name, part in params.items()
            if "__" not in name and name not in signature(type(self)).parameters
            and (hasattr(part, "get_params") or (_is_dropped(part) and name in self._known_parts))
        }  # fmt: skip
        if parts:
            there = dict(self.transformer_list)
            added = [(name, part) for name, part in parts.items() if name not in there]
            self.transformer_list = [*self.transformer_list, *added]
        self._set_params("transformer_list", **params)
        return self

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        """Return the names of the parts, and the parameters that are not as usual."""
        names = [name for name, part in self.transformer_list if not _is_dropped(part)]
        usual = {name: one.default for name, one in signature(type(self)).parameters.items()}
        changed = [
            f"{name}={value!r}"
            for name, value in self.get_params(deep=False).items()
            if name != "transformer_list" and repr(value) != repr(usual[name])
        ]
        return f"{type(self).__name__}({', '.join([*names, *changed])})"

    def _kept(self) -> list[tuple[str, Any]]:
        """Return the parts that are not dropped, after a look at their names."""
        pairs = list(self.transformer_list)
        self._validate_names([name for name, _ in pairs])
        kept = [(name, part) for name, part in pairs if not _is_dropped(part)]
        if not kept:
            raise ValueError(
                f"All parts are dropped; keep at least one of {[n for n, _ in pairs]}."
            )
        return kept

    def _sk_visual_block_(self) -> Any:
        kept = [(name, part) for name, part in self.transformer_list if not _is_dropped(part)]
        return VisualBlock("parallel", [part for _, part in kept], names=[name for name, _ in kept])


def _is_dropped(part: Any) -> bool:
    return isinstance(part, str) and part == "drop"
