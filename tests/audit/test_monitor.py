"""The monitor of a training names no checkpoint by chance, and those with copies."""

import dataclasses
import itertools
import json
import pickle
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from gan_isi import MemorizationMonitor, audit, datasets, make_pipeline
from gan_isi.datasets import archives
from gan_isi.statistics.looks import level_of_look, rank_p_values


@pytest.fixture(scope="module")
def problem():
    it = datasets.make_membership_problem(
        40, n_generated=60, image_size=32, memorization=0.9, random_state=0
    )
    used, others = it.images[it.target == 1], it.images[it.target == 0]
    return SimpleNamespace(used=used, others=others, generated=it.generated)


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(1).integers(0, 256, (60, 32, 32), dtype=np.uint8)


def make(problem, **options):
    return MemorizationMonitor(problem.used, problem.others, **{"attack": "nearest", **options})


@pytest.mark.parametrize("groups", [None, [0, 0, 1, 2, 3, 4, 4, 5]])
def test_p_values_are_the_shares_of_all_orders(groups):
    scores = np.array([5.0, 1.0, 4.0, 2.5, 3.0, 0.5, 2.0, 1.5])
    labels = np.array([1, 1, 1, 0, 1, 0, 0, 0])
    numbers = np.arange(8) if groups is None else np.array(groups)
    means = np.array([scores[numbers == g].mean() for g in np.unique(numbers)])
    used = np.array([labels[numbers == g][0] for g in np.unique(numbers)]).astype(bool)

    def statistics(chosen):
        others = [i for i in range(len(means)) if i not in chosen]
        larger = sum(means[i] > means[j] for i in chosen for j in others)
        return larger, sum(i in chosen for i in np.argsort(-means)[:5])

    observed = statistics(np.flatnonzero(used))
    every = [statistics(one) for one in itertools.combinations(range(len(means)), used.sum())]
    expected = [np.mean([one[k] >= observed[k] for one in every]) for k in (0, 1)]
    np.testing.assert_allclose(rank_p_values(labels, scores, groups), expected)


def test_ties_count_against_the_used():
    tied = rank_p_values([1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1])
    assert tied[0] == 1
    assert rank_p_values([1, 1, 0, 0], [2, 2, 1, 1])[0] == pytest.approx(1 / 6)


def test_pairs_have_the_numbers_within_their_own_set(problem):
    """Copies of one image of each set: as many pairs as images, each image once."""
    n_used, n_others = len(problem.used), len(problem.others)
    monitor = make(problem, n_pairs=n_used + n_others)
    copies = np.concatenate([problem.used[2:3], problem.others[3:4], problem.generated[:10]])
    pairs = monitor.check(copies, step=1).pairs
    for used, n in ((True, n_used), (False, n_others)):
        assert sorted(pair.real for pair in pairs if pair.used is used) == list(range(n))
    of_copies = {(pair.used, pair.real): pair.generated for pair in pairs}
    assert of_copies[True, 2] == 0
    assert of_copies[False, 3] == 1


def test_large_sets_have_p_values_no_smaller_than_exact_ones():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=600) + np.repeat([0.4, 0], 300)
    labels = np.repeat([1, 0], 300)
    exact = rank_p_values(labels, scores)[0]
    from gan_isi.statistics import looks

    before, looks._EXACT = looks._EXACT, 0
    try:
        assert exact <= rank_p_values(labels, scores)[0] < 2 * exact
    finally:
        looks._EXACT = before


def test_levels_add_up():
    assert sum(level_of_look(0.05, k, 7) for k in range(1, 20)) == pytest.approx(0.05)
    total = sum(level_of_look(0.05, k) for k in range(1, 100_000))
    assert 0.0499 < total < 0.05


def test_the_onset_is_the_first_checkpoint_with_copies(problem, noise):
    monitor = make(problem)
    mixed = np.concatenate([problem.generated[:30], noise[:30]])
    found = [monitor.check(images, step) for step, images in enumerate((noise, mixed, mixed), 1)]
    assert [one.copies for one in found] == [False, True, True]
    assert monitor.onset == 2
    strongest = found[1].pairs[0]
    assert strongest.used
    assert strongest.generated < 30
    real = problem.used[strongest.real].astype(float)
    gaps = [np.abs(real - one.astype(float)).mean() for one in mixed]
    assert strongest.generated == int(np.argmin(gaps))
    with pytest.raises(dataclasses.FrozenInstanceError):
        found[0].step = 7


def test_each_file_is_read_once(problem, noise, tmp_path, monkeypatch):
    read, decode = Counter(), archives.decode
    monkeypatch.setattr(
        archives, "decode", lambda *given: read.update([given[1]]) or decode(*given)
    )
    sets = {"used": problem.used, "others": problem.others, "generated": noise[:20]}
    for name, images in sets.items():
        (tmp_path / name).mkdir()
        for number, image in enumerate(images):
            Image.fromarray(image).save(tmp_path / name / f"{number:02}.png")
    used, others, generated = (datasets.load_images(tmp_path / name) for name in sets)
    monitor = MemorizationMonitor(used, others, attack="nearest")
    monitor.check(generated, step=1)
    assert len(read) == 60
    assert set(read.values()) == {1}


@pytest.mark.parametrize("n_copied", [4, 8])
def test_few_pictures_that_come_again_and_again_are_copies(problem, n_copied):
    # The next 50 generated images are as close as the closest.
    rng = np.random.default_rng(0)
    noisy = problem.used[:n_copied] + rng.normal(0, 9, (n_copied, 32, 32))
    again = noisy.clip(0, 255).astype(np.uint8)[rng.integers(0, n_copied, 200)]
    monitor = MemorizationMonitor(problem.used[:n_copied], problem.others, attack="nearest")
    assert monitor.check(again, step=1).auc.value > 0.9


@pytest.mark.slow
def test_false_alarms_over_all_checkpoints():
    """Generators that saw neither side, but drift towards pictures of their own, and patients."""
    rng = np.random.default_rng(0)
    alarms, n_runs, alpha = 0, 60, 0.2
    attack = make_pipeline("nearest").set_params(descriptors__pixels__size=6)
    for _ in range(n_runs):
        patients = rng.random((20, 6, 6))
        real = (0.5 * patients[:, None] + 0.5 * rng.random((20, 2, 6, 6))).reshape(40, 6, 6)
        monitor = MemorizationMonitor(
            real[:20], real[20:], np.repeat(np.arange(20), 2), attack=attack, alpha=alpha,
        )  # fmt: skip
        own = rng.random((30, 6, 6))
        for step in range(5):
            fresh = (step * own + (4 - step) * rng.random((30, 6, 6))) / 4
            monitor.check(fresh, step=step)
        alarms += monitor.onset is not None
    assert alarms / n_runs <= alpha + 2 * np.sqrt(alpha * (1 - alpha) / n_runs)


def test_patients_count_once(problem, noise):
    twice = [np.repeat(one, 2, axis=0) for one in (problem.used, problem.others)]
    alone = make(problem)
    with pytest.warns(audit.PreflightWarning, match="twice|cop"):
        together = MemorizationMonitor(*twice, attack="nearest")
    for monitor in (alone, together):
        monitor.check(problem.generated, step=1)
    assert together.records[0].p_all == alone.records[0].p_all


def test_nothing_of_the_surroundings_changes(problem, noise, capsys):
    torch = pytest.importorskip("torch")
    state, of_torch = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    monitor = make(problem)
    monitor.check(noise, step=1)
    assert np.array_equal(state[1], np.random.get_state()[1])  # noqa: NPY002
    assert torch.equal(of_torch, torch.get_rng_state())
    assert capsys.readouterr() == ("", "")


def test_tensors_are_taken_as_they_come(problem):
    torch = pytest.importorskip("torch")
    scaled = torch.tensor(problem.generated[:, None] / 127.5 - 1, dtype=torch.float32)
    plain, wide = make(problem), make(problem, intensity_range=(-1, 1))
    plain.check(problem.generated, step=1)
    wide.check(scaled.requires_grad_(), step=1)
    assert wide.records[0].p_value == plain.records[0].p_value
    with pytest.raises(ValueError, match=r"intensity_range=\(-1, 1\)"):
        plain.check(scaled, step=2)
    with pytest.raises(ValueError, match=r"torch\.cat\(generated\)"):
        wide.check([scaled, scaled], step=2)
    assert len(plain.records) == len(wide.records) == 1
    half = make(problem, intensity_range=(-1, 1)).check(scaled.to(torch.bfloat16), step=1)
    assert half.auc.value == pytest.approx(plain.records[0].auc.value, abs=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attack": "blind"}, "compares with no generated image"),
        ({"attack": "density_ratio"}, "with real images as well"),
        ({"attack": 3}, "has to be a name"),
        ({"alpha": 1.5}, "alpha has to lie between 0 and 1"),
        ({"n_checkpoints": 0}, "n_checkpoints has to be at least 1"),
        ({"groups": [0] * 40}, "used or not used as a whole"),
        ({"groups": [0] * 3}, "3 entries for 40 images"),
        ({"used": "used"}, "load_images"),
    ],
)
def test_wrong_arguments_are_named(problem, change, message):
    options = {"used": problem.used, "not_used": problem.others, **change}
    with pytest.raises((TypeError, ValueError), match=message):
        MemorizationMonitor(options.pop("used"), options.pop("not_used"), **options)


def test_too_few_images_to_ever_name_a_checkpoint(problem):
    with pytest.raises(ValueError, match="3 used patients and 3 others"):
        MemorizationMonitor(problem.used[:3], problem.others[:3])


def test_a_picture_that_is_used_and_not_used_is_refused(problem):
    both = np.concatenate([problem.others, problem.used[:1]])
    with pytest.raises(ValueError, match="image 0"):
        MemorizationMonitor(problem.used, both)


def test_wrong_checks_are_named_and_not_recorded(problem, noise):
    monitor = make(problem)
    for images, step, message in (
        (noise[0], 1, r"generated\[None\]"),
        (noise[:1], 1, "at least 2"),
        (noise, "one", "step has to be a finite number"),
        (noise / 127.5 - 1, 1, "intensity_range"),
    ):
        with pytest.raises(ValueError, match=message):
            monitor.check(images, step=step)
    assert monitor.records == []


def test_other_sizes_are_warned_of_once(problem, noise):
    monitor = make(problem)
    with pytest.warns(audit.PreflightWarning, match="Sizes differ"):
        monitor.check(noise[:, :16, :16], step=1)
    monitor.check(noise[:, :16, :16], step=2)


def test_a_dark_generator_early_in_training_does_not_stop_it(problem, noise):
    monitor = make(problem)
    with pytest.warns(audit.PreflightWarning):
        monitor.check(noise // 64, step=1)
    assert monitor.onset is None


def test_more_checkpoints_than_planned_name_nothing(problem):
    monitor = make(problem, n_checkpoints=1)
    monitor.check(problem.generated, step=1)
    with pytest.warns(UserWarning, match="n_checkpoints=1 were planned"):
        assert not monitor.check(problem.generated, step=2).copies


def test_a_run_that_resumes_goes_on(problem, noise, tmp_path):
    monitor = make(problem)
    monitor.check(noise, step=1)
    monitor.save(tmp_path / "monitor.json")
    assert len(json.loads((tmp_path / "monitor.json").read_text())["records"]) == 1
    assert (tmp_path / "monitor.json").stat().st_size < 5000  # no picture
    loaded = make(problem).load(tmp_path / "monitor.json")
    copied = pickle.loads(pickle.dumps(monitor))
    for one in (monitor, loaded, copied):
        one.check(problem.generated, step=2)
    assert len(pickle.dumps(monitor)) < 2_000_000
    assert loaded.records[0] == copied.records[0] == monitor.records[0]
    assert loaded.records[1].level == copied.records[1].level == monitor.records[1].level
    with pytest.raises(ValueError, match=r"alpha=0\.05"):
        make(problem, alpha=0.1).load(tmp_path / "monitor.json")
    with pytest.raises(ValueError, match="other real images"):
        MemorizationMonitor(problem.used[::-1], problem.others, attack="nearest").load(
            tmp_path / "monitor.json"
        )


def test_table_and_figure(problem, noise):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    monitor = make(problem)
    with pytest.raises(ValueError, match="Nothing was checked"):
        monitor.plot()
    monitor.check(noise, step=10)
    monitor.check(problem.generated, step=20)
    frame = monitor.to_frame()
    assert list(frame["step"]) == [10, 20]
    assert list(frame["copies"]) == [False, True]
    display = monitor.plot()
    assert display.onset_line_.get_label() == "onset: 20"
    assert display.onset_line_.get_xdata()[0] == 20
    x, y = display.errorbar_.lines[0].get_data()
    np.testing.assert_array_equal(x, frame["step"])
    np.testing.assert_array_equal(y, frame["auc"])
    (bars,) = display.errorbar_.lines[2]
    ends = np.array([line[:, 1] for line in bars.get_segments()])
    np.testing.assert_allclose(ends, frame[["auc_low", "auc_high"]])
    _, ax = matplotlib.pyplot.subplots()
    assert monitor.plot(ax).ax_ is ax
    matplotlib.pyplot.close("all")
    assert "copies appear" in str(monitor.records[1])
    assert "onset 20" in repr(monitor)


def test_a_trainer_that_behaves_like_lightning(problem, noise, tmp_path):
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.BatchNorm1d(2))
    module[1].eval()  # frozen
    seen = []

    def sample(one):
        seen.append((one.training, torch.is_grad_enabled()))
        torch.rand(3)
        np.random.rand(3)  # noqa: NPY002
        return problem.generated if len(seen) == 2 else noise

    monitor = make(problem)
    callback = monitor.callback(sample, every=10, stop=True, path=tmp_path / "m.json")
    trainer = SimpleNamespace(global_step=0, should_stop=False, is_global_zero=True)
    random = torch.get_rng_state()
    for batch in range(60):  # two batches a step
        trainer.global_step = (batch + 1) // 2
        callback.on_train_batch_end(trainer, module, None, None, batch)
        if trainer.should_stop:
            break
    assert [one.step for one in monitor.records] == [10, 20]
    assert trainer.global_step == 20
    assert seen == [(False, False)] * 2
    assert [part.training for part in module.modules()] == [True, True, False]
    assert torch.equal(random, torch.get_rng_state())
    again = make(problem).callback(sample, every=10)
    again.load_state_dict(json.loads(json.dumps(callback.state_dict())))
    assert again.monitor.records == monitor.records
    again.on_train_batch_end(trainer, module, None, None, 0)
    assert len(again.monitor.records) == 2


@pytest.mark.filterwarnings("ignore")  # of Lightning itself
def test_a_real_trainer(problem, noise, tmp_path):
    lightning = pytest.importorskip("lightning.pytorch")
    import torch

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def training_step(self, batch, index):
            return self.layer(batch).mean()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    monitor = make(problem)
    trainer = lightning.Trainer(
        max_steps=5, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
        callbacks=[monitor.callback(lambda module: noise, every=2)],
    )  # fmt: skip
    trainer.fit(Module(), torch.utils.data.DataLoader(torch.ones(20, 1)))
    assert [one.step for one in monitor.records] == [2, 4]
