"""Odd calls of the API: the answer of the plain call, or a refusal in words."""

import datetime
import decimal
import fractions
import pathlib
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from gan_isi import (
    GaborDescriptor,
    GaussianDerivativeDescriptor,
    PixelDescriptor,
    StatisticalDescriptor,
    SteerableDescriptor,
    audit,
    datasets,
    make_pipeline,
)
from gan_isi._runtime.output import as_cell, csv_text, from_cell

pytestmark = pytest.mark.fuzz

#: What is said of a call that can't be right, in words and on purpose.
REFUSALS = (ValueError, TypeError, OSError, ImportError)

odd = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 70), st.floats(width=32), st.text(max_size=3),
    st.binary(max_size=3), st.complex_numbers(max_magnitude=9),
    st.lists(st.integers(0, 3), max_size=3),
    st.sampled_from([
        np.int64(3), np.float32(2.5), np.bool_(True), np.array([1, 2]), np.array(3.0), {}, {1: 2},
        set(), object(), Ellipsis, slice(1), range(3), decimal.Decimal(1), fractions.Fraction(1, 2),
        datetime.date(2026, 1, 1), pathlib.Path("nowhere"), print, int, float("nan"), 10**400,
        np.ma.masked, (0, 1), (1, 0), "dtype", "image",
    ]),
)  # fmt: skip

FAMILIES = [StatisticalDescriptor, GaborDescriptor, SteerableDescriptor,
            GaussianDerivativeDescriptor, PixelDescriptor]  # fmt: skip

examples = settings(
    max_examples=120, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


def attempt(tally, area, call, right=lambda found: True):
    """Count what a call does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = call()
        except REFUSALS as error:
            tally(area, "refused in words" if len(str(error)) > 12 else "crashed", repr(error))
        except Exception as error:
            tally(area, "crashed", repr(error))
        else:
            tally(area, "right" if right(found) else "wrong", f"{found!r}")


@pytest.mark.parametrize("family", FAMILIES)
def test_parameters_of_families(family, tally, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16), dtype=np.uint8)
    names = sorted(set(family().get_params()) - {"n_jobs", "memory"})

    @seed(0)
    @examples
    @given(st.sampled_from(names), odd)
    def parameter(name, value):
        def call():
            plain = family(**{name: value}).fit_transform(images)
            kept = family(**{name: value}, memory=tmp_path)
            return plain, kept.fit_transform(images), kept.fit_transform(images)

        attempt(
            tally, "parameters", call,
            lambda found: all(np.array_equal(found[0], one) for one in found),
        )  # fmt: skip

    parameter()


@pytest.mark.parametrize("family", [StatisticalDescriptor, PixelDescriptor])
def test_memories(family, tally, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16), dtype=np.uint8)
    plain = family().fit_transform(images)

    @seed(0)
    @examples
    @given(odd)
    def memory(value):
        attempt(
            tally, "memory", lambda: family(memory=value).fit_transform(images),
            lambda found: np.array_equal(found, plain),
        )  # fmt: skip

    memory()


def test_forms_of_equal_images(tally, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 12, 14), dtype=np.uint8)
    family = StatisticalDescriptor(memory=tmp_path)
    want = StatisticalDescriptor().fit_transform(images)
    forms = {
        "fortran": np.asfortranarray(images), "list": list(images), "tuple": tuple(images),
        "view": np.concatenate([images, images])[:3], "strided": np.repeat(images, 2, 1)[:, ::2],
        "object": np.array([*images, None], dtype=object)[:3], "lists": images.tolist(),
        "reversed": images[::-1][::-1], "read only": np.frombuffer(
            images.tobytes(), dtype=np.uint8).reshape(images.shape),
    }  # fmt: skip
    for form in forms.values():
        attempt(
            tally, "images", lambda form=form: family.fit_transform(form),
            lambda found: found.shape == want.shape and np.isfinite(found).all(),
        )  # fmt: skip
    for name in ("fortran", "list", "tuple", "view", "strided", "reversed", "read only"):
        np.testing.assert_array_equal(family.fit_transform(forms[name]), want)
    kept = len(list(tmp_path.rglob("gan_isi/??/*")))
    assert kept <= 6, "equal images are one entry (and those of whole numbers another)"


def test_arguments_of_an_audit(tally, tmp_path):
    it = datasets.make_membership_problem(
        16, n_generated=9, image_size=12, memorization=0.9, random_state=0
    )
    names = ["groups", "candidates", "candidate_groups", "choose", "cv", "n_repeats",
             "n_permutations", "n_resamples", "confidence", "fprs", "random_state",
             "memory"]  # fmt: skip
    attacks = {"nearest": make_pipeline("nearest")}

    @seed(0)
    @examples
    @given(st.sampled_from(names), odd)
    def argument(name, value):
        options = {"cv": 2, "n_permutations": 1, "n_resamples": 5, "random_state": 0} | {
            name: value
        }
        if options["n_resamples"] is None or (isinstance(value, int) and value > 1000):
            return
        if name == "memory" and isinstance(value, (str, bytes, pathlib.Path)):
            options["memory"] = tmp_path / "m"
        attempt(
            tally, "audit",
            lambda: audit.audit(attacks, it.images, it.target, generated=it.generated, **options),
            lambda found: "settings" in found.to_dict(),
        )  # fmt: skip

    argument()


def test_names_of_attacks(tally, tmp_path):
    pytest.importorskip("jinja2", reason='needs the extra "report"')
    it = datasets.make_membership_problem(
        16, n_generated=9, image_size=12, memorization=0.9, random_state=0
    )

    @seed(0)
    @settings(examples, max_examples=25)
    @given(st.text(st.sampled_from("$\\_{}^%a \n\t\x1b<&'\"é日\udce9\u202e"), max_size=6))
    def name(text):
        def call():
            found = audit.audit(
                {text: make_pipeline("nearest")}, it.images, it.target,
                generated=it.generated, cv=2, n_permutations=0, n_resamples=5, random_state=0,
            )  # fmt: skip
            found.to_json(tmp_path / "a.json")
            return found.to_html(tmp_path / "a.html")

        attempt(tally, "names", call, lambda page: page.rstrip().endswith("</html>"))

    name()


def test_outputs_of_an_audit(tally, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    it = datasets.make_membership_problem(
        16, n_generated=9, image_size=12, memorization=0.9, random_state=0
    )
    result = audit.audit(
        "nearest", it.images, it.target, generated=it.generated, cv=2, n_permutations=0,
        n_resamples=5, random_state=0,
    )  # fmt: skip
    for path in ("", ".", "nowhere/a", "x" * 300, "\0", 3.5, b"a", "é", "a\nb", "\udce9", tmp_path):
        attempt(tally, "outputs", lambda path=path: result.to_json(path))


def test_cells(tally):
    @seed(0)
    @settings(examples, max_examples=300)
    @given(st.text(st.characters(codec=None, exclude_categories=()), max_size=8))
    def cell(text):
        attempt(tally, "cells", lambda: from_cell(as_cell(text)), lambda found: found == text)
        attempt(
            tally, "cells", lambda: csv_text(["a"], [[text]]), lambda found: "\x1b" not in found
        )

    cell()


def test_arguments_of_pipelines(tally):
    names = ["families", "name", "n_levels", "cells", "grid", "intensity_range", "estimator",
             "fusion", "memory"]  # fmt: skip
    images = np.random.default_rng(0).integers(0, 256, (12, 12, 12), dtype=np.uint8)

    @seed(0)
    @settings(examples, max_examples=80)
    @given(st.sampled_from(names), odd)
    def argument(name, value):
        if name == "memory":
            value = None
        options = {"families": ["statistical"], "n_levels": 4} | {name: value}

        def call():
            attack = make_pipeline(**options, generated=images[:4])
            attack.fit(images, np.arange(12) % 2)
            return attack.predict_proba(images)

        attempt(tally, "pipelines", call, lambda found: found.shape == (12, 2))

    argument()
