"""Tell which real images a generator was trained on.

Membership inference against image generators from their output alone, as
scikit-learn estimators: texture maps, CDF vectors, 1-Wasserstein distances between
real and generated images, and a classifier on them (GAN-ISI, ImageCLEFmedical GANs
2023), with what is needed to tell whether its answers mean anything.
"""

import lazy_loader

from ._version import __version__ as __version__

# Imported when asked for: the command line shows its help in a tenth of the time that
# scikit-learn takes to load. The names stand in the stub beside this file.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
