"""Names of the array types of the library."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatImage: TypeAlias = NDArray[np.floating[Any]]
FloatArray: TypeAlias = NDArray[np.floating[Any]]
