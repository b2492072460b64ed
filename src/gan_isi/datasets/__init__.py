"""Images from folders, a built-in problem of known truth, and the challenge's files."""

from .decode import ImageReadError
from .files import IMAGE_SUFFIXES, ImageFiles, load_images
from .membership import load_membership
from .patients import patients_of
from .problem import make_membership_problem
from .submission import check_submission, write_submission
from .volumes import VolumeSlices, load_volumes

__all__ = [
    "IMAGE_SUFFIXES",
    "ImageFiles",
    "ImageReadError",
    "VolumeSlices",
    "check_submission",
    "load_images",
    "load_membership",
    "load_volumes",
    "make_membership_problem",
    "patients_of",
    "write_submission",
]
