"""Does the recommended attack hold on kinds of generators that it was not made on?

    python benchmarks/other_generators.py [--seeds N] [--sheet PATH.png]

Three kinds of generators of 60 of 120 real chest X-rays (64 x 64 pixels), each fitted
here to other members: a diffusion model with the local denoiser that is optimal for its
training images, in closed form; a variational autoencoder; a generative adversarial
network. No attack was chosen on such generators, nor any parameter of one; the X-rays are
among those of real_generator.py, with other members.
"""

from itertools import pairwise

import numpy as np
from _common import auc_of_each, load_pictures, options_of_runs, print_means
from dose_response import attacks
from scipy.ndimage import uniform_filter
from skimage.transform import resize
from sklearn.utils.parallel import Parallel, delayed

SIDE, N_MEMBERS, N_GENERATED = 64, 60, 300

#: An earlier version of the recommended attack was measured on those of smaller seeds.
FIRST_SEED = 200

#: Windows of the local denoiser in pixels: the larger, the more a picture is one member's.
WINDOWS = (9, 17, 33)


def sample_local_diffusion(members, random, window, n_steps=25):
    """Images of the diffusion model whose denoiser sees a window only.

    Each pixel's estimate is the mean of the members' pixels at that place, weighted by
    how well their windows around it explain the noisy image: what a convolutional network
    of that receptive field, trained to the end, would compute at a fixed place
    (M. Kamb, S. Ganguli, "An analytic theory of creativity in convolutional diffusion
    models", 2024, local score machine).
    """
    known = 2.0 * members - 1
    noise = random.standard_normal((N_GENERATED, SIDE, SIDE))
    # Shares of the signal's variance, from almost none to all of it.
    shares = np.cos(np.linspace(np.pi / 2 * 0.98, 0, n_steps + 1)) ** 2
    return np.stack([_denoise(one, known, shares, window) for one in noise])


def _denoise(noisy, known, shares, window):
    for share, following in pairwise(shares):
        squares = (noisy - np.sqrt(share) * known) ** 2
        misfit = uniform_filter(squares, (0, window, window), mode="nearest") * window**2
        weights = np.exp((misfit.min(axis=0) - misfit) / (2 * (1 - share)))
        estimate = (weights * known).sum(axis=0) / weights.sum(axis=0)
        error = (noisy - np.sqrt(share) * estimate) / np.sqrt(1 - share)
        noisy = np.sqrt(following) * estimate + np.sqrt(1 - following) * error
    return (noisy + 1) / 2


def _networks(n_latent, n_base=32):
    """Return an encoder to 2 * n_latent numbers and a decoder from n_latent."""
    from torch import nn

    def down(n_in, n_out):
        return nn.Conv2d(n_in, n_out, 4, 2, 1), nn.LeakyReLU(0.2)

    def up(n_in, n_out):
        return nn.ConvTranspose2d(n_in, n_out, 4, 2, 1), nn.BatchNorm2d(n_out), nn.ReLU()

    encoder = nn.Sequential(
        *down(1, n_base), *down(n_base, 2 * n_base), *down(2 * n_base, 4 * n_base),
        *down(4 * n_base, 4 * n_base), nn.Flatten(), nn.Linear(4 * n_base * 16, 2 * n_latent),
    )  # fmt: skip
    decoder = nn.Sequential(
        nn.Linear(n_latent, 4 * n_base * 16), nn.Unflatten(1, (4 * n_base, 4, 4)),
        *up(4 * n_base, 4 * n_base), *up(4 * n_base, 2 * n_base), *up(2 * n_base, n_base),
        nn.ConvTranspose2d(n_base, 1, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    return encoder, decoder


def _batches(members, n_steps, size=16):
    import torch

    images = torch.as_tensor(2 * members - 1, dtype=torch.float32)[:, None]
    for _ in range(n_steps):
        yield images[torch.randint(len(images), (size,))]


def _sample(decoder, n_latent):
    import torch

    decoder.eval()
    with torch.no_grad():
        images = decoder(torch.randn(N_GENERATED, n_latent))
    return (images[:, 0].numpy() + 1) / 2


def sample_autoencoder(members, random, n_steps=2000, n_latent=32):
    """Images of a variational autoencoder (Kingma and Welling 2013), from its prior."""
    import torch

    torch.manual_seed(int(random.integers(2**31)))
    encoder, decoder = _networks(n_latent)
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimiser = torch.optim.Adam(parameters, 1e-3)
    for batch in _batches(members, n_steps):
        mean, logarithm = encoder(batch).chunk(2, dim=1)
        latent = mean + torch.randn_like(mean) * torch.exp(logarithm / 2)
        prior = 0.5 * (mean**2 + logarithm.exp() - 1 - logarithm).sum(dim=1).mean()
        squares = ((decoder(latent) - batch) ** 2).sum(dim=(1, 2, 3)).mean()
        optimiser.zero_grad()
        (squares / 2 + prior).backward()
        optimiser.step()
    return _sample(decoder, n_latent)


def sample_adversarial(members, random, n_steps=3000, n_latent=32):
    """Images of a generative adversarial network (Goodfellow et al. 2014), hinge loss."""
    import torch
    from torch import nn

    torch.manual_seed(int(random.integers(2**31)))
    encoder, decoder = _networks(n_latent)
    critic = nn.Sequential(*encoder, nn.LeakyReLU(0.2), nn.Linear(2 * n_latent, 1))
    of_critic = torch.optim.Adam(critic.parameters(), 2e-4, betas=(0.5, 0.999))
    of_decoder = torch.optim.Adam(decoder.parameters(), 2e-4, betas=(0.5, 0.999))
    for batch in _batches(members, n_steps):
        made = decoder(torch.randn(len(batch), n_latent))
        of_critic.zero_grad()
        loss = torch.relu(1 - critic(batch)) + torch.relu(1 + critic(made.detach()))
        loss.mean().backward()
        of_critic.step()
        of_decoder.zero_grad()
        (-critic(made)).mean().backward()
        of_decoder.step()
    return _sample(decoder, n_latent)


GENERATORS = {
    **{
        f"local diffusion, {window} x {window}": (
            lambda members, random, window=window: sample_local_diffusion(members, random, window)
        )
        for window in WINDOWS
    },
    "autoencoder": sample_autoencoder,
    "adversarial": sample_adversarial,
}


def chest_radiographs():
    """Those beside a checkout, of 120 patients, in 0..1."""
    images = load_pictures()
    return np.stack([resize(image, (SIDE, SIDE), anti_aliasing=True) for image in images])


def as_bytes(images):
    return np.round(255 * np.clip(images, 0, 1)).astype(np.uint8)


def generate(images, generator, seed):
    """Which images are members, and the generated ones."""
    random = np.random.default_rng([list(GENERATORS).index(generator), seed])
    members = random.permutation(len(images)) < N_MEMBERS
    return members, as_bytes(GENERATORS[generator](images[members], random))


def measure(images, generator, seed):
    """AUC of each attack on one generator, and some of its images."""
    members, generated = generate(images, generator, seed)
    aucs = auc_of_each(attacks(), as_bytes(images), members, generated, seed)
    return aucs, generated[:12]


def draw(path, examples):
    """Write a sheet: one row a generator."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 0.85 * len(examples)), layout="constrained")
    rows = figure.subplots(len(examples))
    for axes, (generator, images) in zip(rows, examples.items(), strict=True):
        axes.imshow(np.hstack(images), cmap="gray", vmin=0, vmax=255)
        axes.set(xticks=[], yticks=[])
        axes.set_ylabel(generator.replace(", ", ",\n"), rotation=0, ha="right", va="center")
    figure.savefig(path, dpi=120)


def main():
    parser = options_of_runs(__doc__)
    parser.add_argument("--sheet", help="where to draw some of the images")
    options = parser.parse_args()
    images = chest_radiographs()
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    tasks = [(generator, seed) for seed in seeds for generator in reversed(GENERATORS)]
    found = Parallel(n_jobs=options.n_jobs)(delayed(measure)(images, *task) for task in tasks)
    by_task = dict(zip(tasks, found, strict=True))
    print_means(
        f"AUC: mean and standard error of {options.seeds} generators each, of other members",
        ["attack", *GENERATORS],
        {
            name: [
                [by_task[generator, seed][0][name] for seed in seeds] for generator in GENERATORS
            ]
            for name in found[0][0]
        },
    )
    if options.sheet:
        examples = {name: by_task[name, seeds[0]][1] for name in GENERATORS}
        draw(options.sheet, {"real": as_bytes(images)[:12], **examples})


if __name__ == "__main__":
    main()
