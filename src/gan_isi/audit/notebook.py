"""What a notebook shows of an audit: the verdict, a small table and the strongest pairs."""

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from .._runtime.output import visible
from .gallery import cards

if TYPE_CHECKING:
    from .result import AuditResult

#: Pairs that are named.
_PAIRS = 3


def as_html(result: "AuditResult") -> str:
    """Return an audit as a piece of HTML.

    Parameters
    ----------
    result : AuditResult
        What was found.

    Returns
    -------
    str
        Without pictures: a notebook is a file that is handed on, and the pictures may be of
        patients. ``result.to_html(real=, generated=)`` shows them where that is wanted.
    """
    verdict = result.verdict()
    parts = [f"<p><b>{_text(verdict.said[0].text)}</b></p>"]
    parts += [f"<p>{_text(one.text)}</p>" for one in verdict.said[1:]]
    parts.append(_table(("attack", "AUC", "p-value"), _rows(result)))
    pairs = [(card.real, card.generated, f"{card.distance:.2g}") for card in cards(result)][:_PAIRS]
    if pairs:
        parts.append(
            "<p>These used images score highest; look at the pairs with your own eyes:</p>"
        )
        header = ("used image", "closest generated image", "distance (0 is a copy, 1 is usual)")
        parts.append(_table(header, pairs))
    parts.append(
        "<p>All of it: <code>print(result)</code>, <code>result.to_frame(wide=True)</code>, "
        "<code>result.plot()</code>, <code>result.to_html(path, real=, generated=)</code>.</p>"
    )
    return f"<div>{''.join(parts)}</div>"


def _rows(result: "AuditResult") -> Iterable[tuple[str, ...]]:
    for name, one in result.attacks.items():
        p_value = "not tested" if np.isnan(one.p_value) else f"{one.p_value:.2g}"
        yield name, str(one.measures["AUC"]), p_value


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = "".join(f'<th scope="col">{_text(one)}</th>' for one in header)
    lines = "".join(
        f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table>"


def _text(value: str) -> str:
    return escape(visible(value))
