"""The strongest pairs of an audit, on the page, with names and in the shell."""

import base64
import csv
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gan_isi import datasets, make_pipeline
from gan_isi.audit import Estimate, audit, gallery
from gan_isi.audit.names import CLOSENESS
from gan_isi.audit.report import glossary
from gan_isi.cli.app import main
from gan_isi.plotting.pair import compare_pair

pytest.importorskip("matplotlib", reason='needs the extra "report"')
pytest.importorskip("jinja2", reason='needs the extra "report"')


class Named(list):
    """Images with names, as those of files have."""

    def __init__(self, images, names):
        super().__init__(images)
        self.names = tuple(names)


@pytest.fixture(scope="module")
def copied(photographs):
    """An audit of a generator that returns used photographs with noise, every second mirrored."""
    used = np.arange(len(photographs)) % 2
    rng = np.random.default_rng(0)
    fakes = [
        image[:, ::-1] if number % 4 == 1 else image
        for number, image in enumerate(photographs)
        if used[number]
    ]
    noisy = np.array(fakes) + rng.normal(scale=2, size=np.shape(fakes))
    generated = Named(noisy.clip(0, 255).astype(np.uint8), [f"g{i}.png" for i in range(len(fakes))])
    real = Named(photographs, [f"r<{i}>.png" for i in range(len(photographs))])
    result = audit(
        "recommended", real, used, generated=generated, cv=2, n_permutations=0, n_resamples=9,
        random_state=0,
    )  # fmt: skip
    return result, real, generated


def test_names_flow_from_the_files_into_the_result(copied):
    result, real, generated = copied
    assert result.real_names == real.names
    assert result.generated_names == generated.names
    assert result.candidate_names is None


def test_images_without_names_have_numbers(copied):
    result, *_ = copied
    plain = replace(result, real_names=None, generated_names=None)
    first = next(gallery.cards(plain))
    assert re.fullmatch(r"image \d+", first.real)
    assert re.fullmatch(r"image \d+", first.generated)


def test_the_strongest_pairs_are_copies_and_the_last_is_for_comparison(copied):
    result, real, generated = copied
    cards = list(gallery.cards(result, real, generated))
    assert [card.used for card in cards] == [True] * gallery.SHOWN + [False]
    ranks = [card.rank for card in cards[:-1]]
    assert ranks == sorted(ranks, reverse=True)
    for card in cards[:-1]:  # image 2 i + 1 was copied to generated image i
        assert int(card.real[2:-5]) == 2 * int(card.generated[1:-4]) + 1
    alike = [card.said[0].values["similarity"] for card in cards]
    assert np.median(alike[:-1]) > 0.8 > alike[-1]


def test_mirrored_copies_are_put_back(copied):
    _, real, generated = copied
    structured = [n for n in range(1, 12, 2) if np.std(real[n]) > 20]  # others are sky and noise
    assert {n % 4 for n in structured} == {1, 3}
    for number in structured:
        pair = compare_pair(real[number], generated[number // 2])
        assert pair.similarity > 0.8
        if number % 4 == 1:
            assert pair.pose.mirrored
        else:
            assert pair.pose is None
        placed = pair.placed(generated[number // 2])
        own = real[number] / 255
        assert np.corrcoef(placed.ravel(), own.ravel())[0, 1] > 0.9


def test_thumbnails_are_small_and_of_the_right_images(copied):
    result, real, generated = copied
    for number, card in zip(
        gallery.strongest(result, gallery.best_attack(result)),
        gallery.cards(result, real, generated), strict=True,
    ):  # fmt: skip
        names = [name for name, _ in card.pictures]
        assert names in (
            ["real", "generated", "found in it"],
            ["real", "generated", "put back into place", "found in it"],
        )
        shown = [Image.open(io.BytesIO(base64.b64decode(png))) for _, png in card.pictures]
        assert max(max(one.size) for one in shown) <= 160
        np.testing.assert_array_equal(np.asarray(shown[0]), real[number])
        other = generated[generated.names.index(card.generated)]
        np.testing.assert_array_equal(np.asarray(shown[1]), other)


def test_one_image_of_each_patient(copied):
    result, *_ = copied
    groups = np.arange(len(result.labels)) // 6
    attack = gallery.best_attack(result)
    chosen = gallery.strongest(replace(result, groups=groups), attack)
    own = groups[chosen[:-1]]
    assert len(set(own)) == len(own)
    assert chosen[0] == gallery.strongest(result, attack)[0]


def test_exchanged_labels_show_what_is_close_and_not_what_was_learned(copied):
    result, real, generated = copied
    attack = gallery.best_attack(result)
    exchanged = replace(result, labels=1 - result.labels)
    below = attack.measures | {CLOSENESS: Estimate(0.1, 0.0, 0.2, "")}
    p_values = {"AUC or tail": 0.01, "tail": 0.5}
    attack = replace(attack, measures=below, p_values=p_values)
    exchanged = replace(exchanged, attacks=exchanged.attacks | {attack.name: attack})
    assert exchanged.verdict().kind == "inputs"
    *_, last = gallery.cards(exchanged, real, generated)
    assert last.distance == attack.evidence.distances[result.labels == 1, 0].min()
    assert "whose generated image is closest" in text_of(exchanged.to_html())


def test_colours_sizes_and_aspects():
    rng = np.random.default_rng(0)
    base = np.kron(rng.random((8, 12)), np.ones((10, 10)))
    colour = np.stack([base, base**2, 1 - base], axis=-1)
    shapes = [base, colour, (255 * colour).astype(np.uint8), colour[..., :2], base > 0.5,
              np.moveaxis(colour, -1, 0), np.zeros((30, 20)),
              (4000 * base).astype(np.int16)]  # fmt: skip
    for one in shapes:
        for other in shapes[:3]:
            pictures, said = gallery._drawn(one, other)
            assert -1 <= said[0].values["similarity"] <= 1.0001
            sizes = [Image.open(io.BytesIO(base64.b64decode(png))).size for _, png in pictures]
            assert sizes[1] == (120, 80)
    assert compare_pair(colour, base).similarity > 0.2


def text_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_the_order_of_the_page(copied):
    result, real, generated = copied
    page = result.to_html(real=real, generated=generated)
    places = [
        page.index(text)
        for text in (
            result.verdict().said[0].text.replace("'", "&#39;"), "<h2>What to do next",
            "<h2>See for yourself", "<h2>What was found", "<h2>The numbers",
            "<h2>What was not tested", "<h2>Appendix", "<h3>How the verdict is chosen",
            "<h3>Curves", "<h3>Single images", "<h3>Glossary",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    for heading in re.findall(r"<h\d>(.*?)</h\d>", page):
        assert "?" not in heading
    assert "r&lt;1&gt;.png" in page
    assert "r<1>" not in page
    assert len(page) < 1_500_000
    assert "break-before: page" in page


def test_without_images_names_are_there_and_no_pictures(copied):
    result, real, generated = copied
    with_pictures = result.to_html(real=real, generated=generated)
    page = result.to_html()
    section = page[page.index("See for yourself") : page.index("What was asked")]
    assert "data:image" not in section
    assert "Pictures were left out." in section
    assert "g0.png" in page
    assert with_pictures.count("data:image") >= page.count("data:image") + 18


def test_volumes_have_no_pictures_and_no_error(copied):
    result, real, generated = copied
    page = replace(result, n_slices=len(real)).to_html(real=real, generated=generated)
    assert "Slices of volumes are not shown" in page
    section = page[page.index("See for yourself") : page.index("What was asked")]
    assert "data:image" not in section


def test_an_attack_that_names_no_pairs(copied):
    result, *_ = copied
    attacks = {name: replace(one, evidence=None) for name, one in result.attacks.items()}
    assert "no attack names pairs" in replace(result, attacks=attacks).to_html()


def test_each_attack_has_one_auc_on_the_page(copied, monkeypatch):
    from gan_isi.plotting import LogRocDisplay

    drawn = {}
    original = LogRocDisplay.plot

    def record(self, ax=None, **options):
        drawn[self.name] = self.roc_auc
        assert options["tpr_at"] == ()
        return original(self, ax, **options)

    monkeypatch.setattr(LogRocDisplay, "plot", record)
    result, *_ = copied
    result.to_html()
    assert drawn == {name: one.measures["AUC"].value for name, one in result.attacks.items()}


def test_the_glossary_is_that_of_the_documentation():
    from pathlib import Path

    text = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text(encoding="utf-8")
    text = re.sub(r"\{term\}`([^`<]+?)(?: <[^>]+>)?`", r"\1", text)
    text = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text)
    entries = {}
    for entry in re.split(r"\n\n+", text[text.index("```{glossary}") :].strip("`{}glosary \n")):
        words = [line for line in entry.splitlines() if not line.startswith(" ")]
        meaning = [line.strip() for line in entry.splitlines() if line.startswith(" ")]
        entries[", ".join(words)] = " ".join(meaning)
    assert len(glossary()) >= 14
    for word, meaning in glossary().items():
        assert entries[word] == meaning, word


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("pairs")
    problem = datasets.make_membership_problem(
        24, n_generated=20, image_size=32, memorization=0.99, random_state=0
    )
    sets = {
        "used": problem.images[problem.target == 1],
        "other": problem.images[problem.target == 0],
        "generated": problem.generated,
    }
    for name, images in sets.items():
        (root / name).mkdir()
        for number, image in enumerate(images):
            Image.fromarray(image).save(root / name / f"{name[0]}{number:02}.png")
    return root


class TestShell:
    def run(self, root, *options):
        return main([
            "audit", "--used", f"{root}/used", "--not-used", f"{root}/other", "--generated",
            f"{root}/generated", "--attack", "nearest", "--permutations", "2", "--folds", "2",
            *options,
        ])  # fmt: skip

    def test_pictures_by_default_and_none_with_no_images(self, folders, tmp_path, capsys):
        assert self.run(folders, "--report", f"{tmp_path}/a.html") == 0
        assert self.run(folders, "--report", f"{tmp_path}/b.html", "--no-images") == 0
        assert capsys.readouterr().out.startswith("This audit has no verdict")
        shown, hidden = ((tmp_path / f"{n}.html").read_text(encoding="utf-8") for n in "ab")
        assert shown.count("data:image") >= hidden.count("data:image") + 18
        for page in (shown, hidden):
            assert re.search(r"Used: <b>u\d\d.png", page)
            assert re.search(r"not used</em>: <b>o\d\d.png", page)

    def test_pairs(self, folders, tmp_path):
        assert self.run(folders, "--pairs-csv", f"{tmp_path}/p.csv", "--jobs", "2") == 0
        with (tmp_path / "p.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [int(row["order"]) for row in rows] == list(range(24))
        ranks = [float(row["rank"]) for row in rows]
        assert ranks == sorted(ranks, reverse=True)
        assert {row["file"][0] + row["used"] for row in rows} == {"u1", "o0"}
        assert sorted(int(row["number"]) for row in rows) == list(range(24))
        for row in rows:
            assert row["generated_file"] == f"g{int(row['generated_number']):02}.png"
        used = [float(row["similarity"]) for row in rows if row["used"] == "1"]
        others = [float(row["similarity"]) for row in rows if row["used"] == "0"]
        assert np.median(used) > 0.9 > np.median(others)

    def test_pairs_of_volumes_are_refused(self, folders, tmp_path, capsys):
        code = self.run(folders, "--volumes", "axial", "--pairs-csv", f"{tmp_path}/p.csv")
        assert code == 2
        assert "--pairs-csv compares images" in capsys.readouterr().err


def test_pipelines_that_were_fitted_by_hand_show_their_pairs(copied):
    from gan_isi.plotting import ClosestPairsDisplay

    _, real, generated = copied
    used = np.arange(len(real)) % 2
    attack = make_pipeline("nearest", representation="pixels", generated=generated)
    display = ClosestPairsDisplay.from_estimator(attack.fit(real, used), real, used, n_pairs=2)
    assert len(display.pairs) == 3
    for one, other in display.names[:2]:
        assert int(one[2:-5]) == 2 * int(other[1:-4]) + 1
