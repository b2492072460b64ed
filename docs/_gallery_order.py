"""The order of the gallery: what a newcomer should look at first stands first."""

ORDER = (
    "plot_first_attack.py",
    "plot_audit.py",
    "plot_families.py",
    "plot_feature_maps.py",
    "plot_distance_error.py",
    "plot_split_by_pair.py",
    "plot_kernel_and_fusion.py",
    "plot_custom_descriptor.py",
)


class ReadingOrder:
    """Sort the scripts of the gallery; new ones come last until they have a place here.

    Parameters
    ----------
    src_dir : str
        Folder of the scripts, which sphinx-gallery hands over.
    """

    def __init__(self, src_dir: str) -> None:
        self.src_dir = src_dir

    def __call__(self, filename: str) -> tuple[int, str]:
        place = ORDER.index(filename) if filename in ORDER else len(ORDER)
        return place, filename
