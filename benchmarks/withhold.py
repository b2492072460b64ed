"""What attacks tell after generated images closest to used ones were withheld.

    python benchmarks/withhold.py [FOLDER] [--generated FOLDER] [--permutations N] [--figure PNG]

FOLDER holds real_used/, real_not_used/ and generated/; other generated images of the same
training images may be given.
"""

import argparse

import numpy as np
from _common import KNOWN_IMAGES, load_known, print_table

from gan_isi import audit, datasets
from gan_isi.plotting import WithholdDisplay

CHOICES = ("pixels", "local_contrast", "recommended")
JUDGED = ("named", "not named", "at random")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=KNOWN_IMAGES)
    parser.add_argument("--generated", help="other generated images")
    parser.add_argument("--choose-by", nargs="*", default=CHOICES)
    parser.add_argument("--permutations", type=int, default=99)
    parser.add_argument("--figure", help="where to draw the curves of the first choice")
    options = parser.parse_args()
    images, labels, generated = load_known(options.folder)
    if options.generated:
        generated = np.stack(list(datasets.load_images(options.generated)))
    for choice in options.choose_by:
        result = audit.withhold(
            images, labels, generated=generated, choose_by=choice,
            n_permutations=options.permutations, random_state=0, n_jobs=2,
        )  # fmt: skip
        for judged in JUDGED:
            rows = []
            for share in result.shares:
                found = [result.curves[judged, share, name] for name in result.attacks]
                found.append(result.highest(judged, share)[1])
                rows.append([f"{share:.0%}", *map(str, found)])
            title = f"Chosen by {choice}, {judged}: AUC"
            print_table(title, ["withheld", *result.attacks, "highest"], rows)
        print(f"\n{result}")
        if options.figure and choice == options.choose_by[0]:
            WithholdDisplay.from_result(result).figure_.savefig(options.figure, dpi=100)


if __name__ == "__main__":
    main()
