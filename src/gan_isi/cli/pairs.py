"""The table of pairs: each real image with the generated one closest to it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .outputs import name_of, write_rows

if TYPE_CHECKING:
    from ..audit import AuditResult

#: Columns of the table.
_COLUMNS = [
    "attack", "order", "number", "file", "used", "rank", "p_value", "generated_number",
    "generated_file", "distance", "similarity", "pose",
]  # fmt: skip


def write_pairs(path: Path, result: "AuditResult", real: Any, generated: Any, jobs: int) -> None:
    """Write a line for each attack and known image, those with the highest scores first.

    Parameters
    ----------
    path : Path
        File to write.
    result : AuditResult
        Audit, of images from files.
    real, generated : sequence of images
        Images of the audit.
    jobs : int
        Number of parallel jobs, in which pairs are compared.
    """
    import numpy as np
    from sklearn.utils.parallel import Parallel, delayed

    from ..plotting.pair import compare_pair, in_words

    found = [one for one in result.attacks.values() if one.evidence is not None]
    closest = {one.name: one.evidence.generated[:, 0].tolist() for one in found}  # type: ignore[union-attr]
    wanted = sorted({pair for own in closest.values() for pair in enumerate(own)})
    compared = Parallel(n_jobs=jobs, require="sharedmem")(
        delayed(compare_pair)(real[number], generated[other]) for number, other in wanted
    )
    pairs = dict(zip(wanted, compared, strict=True))
    rows = []
    for one in found:
        assert one.evidence is not None
        ranks = one.answers.ranks()
        for order, number in enumerate(np.argsort(-ranks, kind="stable").tolist()):
            other = closest[one.name][number]
            pair = pairs[number, other]
            # Numbers and not texts, before which a minus would be escaped.
            numbers = one.conformal[number], one.evidence.distances[number, 0], pair.similarity
            p_value, distance, similarity = (float(f"{value:.4g}") for value in numbers)
            rows.append((
                one.name, order, number, name_of(real.names[number]), int(result.labels[number]),
                float(f"{ranks[number]:.4g}"), p_value, other, name_of(generated.names[other]),
                distance, similarity, in_words(pair.pose),
            ))  # fmt: skip
    write_rows(path, _COLUMNS, rows)
