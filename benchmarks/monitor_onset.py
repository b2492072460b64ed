"""From which checkpoint does a small diffusion model copy: the monitor beside the full audit.

    python benchmarks/monitor_onset.py [FOLDER] [--used 40] [--steps 4000] [--every 400]

FOLDER holds real_used/ and real_not_used/ (images are halved to 32 x 32 pixels). A small denoising
diffusion model is trained here, on one thread of a processor, on the first `--used` of the used
images; every `--every` steps it generates images, which the monitor and the audit see. Times are
those of the processor. Needs PyTorch.
"""

import argparse
import itertools
import time
import warnings

import numpy as np
import torch
from _common import KNOWN_IMAGES, print_table
from torch import nn

from gan_isi import MemorizationMonitor, audit, datasets

#: Training images of a batch, and steps of a sample.
BATCH, SAMPLING = 16, 25


class Block(nn.Module):
    """Two convolutions, between which the time comes in."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.first = nn.Conv2d(n_in, n_out, 3, padding=1)
        self.second = nn.Conv2d(n_out, n_out, 3, padding=1)
        self.time = nn.Linear(64, n_out)
        self.norms = nn.ModuleList([nn.GroupNorm(8, n_out) for _ in range(2)])
        self.skip = nn.Conv2d(n_in, n_out, 1)

    def forward(self, x, t):
        h = nn.functional.silu(self.norms[0](self.first(x)) + self.time(t)[:, :, None, None])
        return self.skip(x) + nn.functional.silu(self.norms[1](self.second(h)))


class Denoiser(nn.Module):
    """A small U-Net on blocks of 2 x 2 pixels, which predicts the velocity."""

    def __init__(self, width=48):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(32, 64), nn.SiLU(), nn.Linear(64, 64))
        self.down = Block(4, width)
        self.deep = Block(width, 2 * width)
        self.middle = Block(2 * width, 2 * width)
        self.up = Block(3 * width, width)
        self.out = nn.Conv2d(width, 4, 3, padding=1)

    def forward(self, x, t):
        waves = torch.exp(torch.linspace(0, 6, 16)) * t[:, None]
        t = self.embed(torch.cat([waves.sin(), waves.cos()], dim=1))
        a = self.down(nn.functional.pixel_unshuffle(x, 2), t)
        b = self.deep(nn.functional.avg_pool2d(a, 2), t)
        b = nn.functional.interpolate(self.middle(b, t), scale_factor=2)
        return nn.functional.pixel_shuffle(self.out(self.up(torch.cat([a, b], dim=1), t)), 2)


def signal_and_noise(t):
    angles = t[:, None, None, None] * torch.pi / 2
    return angles.cos(), angles.sin()


@torch.no_grad()
def generate(model, n, side, rng):
    """Sample with few steps and no fresh noise; values about -1 to 1."""
    x = torch.randn(n, 1, side, side, generator=rng)
    times = torch.linspace(0.995, 0, SAMPLING + 1)
    for now, then in itertools.pairwise(times):
        a, s = signal_and_noise(now.expand(n))
        v = model(x, now.expand(n))
        clean, noise = (a * x - s * v).clamp(-1, 1), s * x + a * v
        a, s = signal_and_noise(then.expand(n))
        x = a * clean + s * noise
    return x


def train(images, *, n_steps, every, n_generated, seed):
    """Yield the step and generated images, again and again."""
    torch.manual_seed(seed)
    rng = torch.Generator().manual_seed(seed)
    model = Denoiser()
    mean = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    known = torch.as_tensor(images[:, None], dtype=torch.float32) / 127.5 - 1
    for step in range(1, n_steps + 1):
        x = known[torch.randint(len(known), (BATCH,), generator=rng)]
        t, noise = torch.rand(BATCH, generator=rng), torch.randn(x.shape, generator=rng)
        a, s = signal_and_noise(t)
        loss = ((model(a * x + s * noise, t) - (a * noise - s * x)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mean.update_parameters(model)
        if step % every == 0:
            yield step, generate(mean, n_generated, images.shape[1], rng)


def halved(images):
    images = np.stack([np.asarray(one, dtype=np.float32) for one in images])
    n, side = len(images), images.shape[1] // 2
    return images.reshape(n, side, 2, side, 2).mean(axis=(2, 4)).round().astype(np.uint8)


def audited(images, labels, generated, n_permutations):
    """What the full audit says: AUC, p-value, verdict, seconds."""
    began = time.process_time()
    result = audit.audit(
        "recommended",
        images,
        labels,
        generated=generated,
        n_permutations=n_permutations,
        random_state=0,
    )
    found = result.attacks["recommended"]
    seconds = time.process_time() - began
    return found.measures["AUC"], found.p_values["any attack"], result.verdict().kind, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=KNOWN_IMAGES)
    parser.add_argument("--used", type=int, default=40)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--every", type=int, default=400)
    parser.add_argument("--generated", type=int, default=300)
    parser.add_argument("--permutations", type=int, default=199)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", audit.PreflightWarning)
    data = datasets.load_membership(asked.folder)
    images, labels = halved(data.images), np.asarray(data.target)
    used, others = (images[labels == own][: asked.used] for own in (1, 0))
    monitor = MemorizationMonitor(used, others, n_checkpoints=asked.steps // asked.every)
    both, target = np.concatenate([used, others]), np.repeat([1, 0], [len(used), len(others)])
    # What an audit calls recognised by its own, and at the level that the monitor has.
    rows, onsets = [], {"audit": None, "audit at the monitor's level": None}
    checkpoints = train(
        used, n_steps=asked.steps, every=asked.every, n_generated=asked.generated, seed=asked.seed
    )
    for step, tensor in checkpoints:
        generated = ((tensor[:, 0].numpy() + 1) * 127.5).clip(0, 255).round().astype(np.uint8)
        began = time.process_time()
        record = monitor.check(generated, step=step)
        taken = time.process_time() - began
        auc, p_value, verdict, seconds = audited(both, target, generated, asked.permutations)
        said = (
            verdict.startswith("recognised"),
            verdict.startswith("recognised") and (p_value <= record.level),
        )
        for name, found in zip(onsets, said, strict=True):
            if found and onsets[name] is None:
                onsets[name] = step
        rows.append([
            f"{step}", f"{record.auc}", f"{record.p_value:.2g}", "yes" if record.copies else "no",
            f"{taken:.1f}", f"{auc}", f"{p_value:.2g}", verdict, f"{seconds:.0f}",
        ])  # fmt: skip
        print(*rows[-1], sep="  ", flush=True)
    header = ["step", "AUC", "p", "copies", "s", "AUC of the audit", "p", "verdict", "s"]
    print_table("The monitor beside the audit", header, rows)
    print(f"Onsets: monitor {monitor.onset}, {onsets}")


if __name__ == "__main__":
    main()
