"""Images as other libraries hold them: the same answers as from an array, or the line to write."""

import numpy as np
import pytest
from PIL import Image

from gan_isi import audit, make_pipeline
from gan_isi._validation.items import channel_axis
from gan_isi.datasets import make_membership_problem

IT = make_membership_problem(16, n_generated=9, memorization=0.9, image_size=16, random_state=0)
PIL = [Image.fromarray(image) for image in IT.images]


def scores(X, generated=IT.generated):
    attack = make_pipeline("nearest", generated=generated).fit(X, IT.target)
    return attack.decision_function(X)


class Data:
    """As a map-style data set of PyTorch: a length, and items by their number."""

    def __init__(self, items):
        self.items = list(items)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, number):
        return self.items[number]


class Records(Data):
    """As a data set of Hugging Face: columns by name, a mapping of columns for a slice."""

    column_names = ("image", "label")

    @property
    def shape(self):
        return len(self), 2

    def __getitem__(self, key):
        if isinstance(key, slice):
            return {"image": self.items[key], "label": [0] * len(self.items[key])}
        return {"image": self.items[key], "label": 0}


class Loader:
    def __init__(self, dataset):
        self.dataset = dataset

    def __iter__(self):
        return iter(self.dataset)

    def __len__(self):
        return 3


COLOURED = np.repeat(IT.images[..., None], 3, axis=-1)
FORMS = {
    "list of Pillow": PIL,
    "tuple of Pillow": tuple(PIL),
    "array of Pillow": np.array([*PIL, None], dtype=object)[:-1],
    "pairs": list(zip(PIL, IT.target, strict=True)),
    "data set of pairs": Data(zip(IT.images, IT.target, strict=True)),
    "data set of channels first": Data((image[None], 1) for image in IT.images),
    "data set of records": Data({"image": image, "label": 1} for image in PIL),
    "records": Records(PIL),
    "columns": Records(PIL)[:],
    "mapping of an array": {"image": IT.images, "label": IT.target},
    "image beside a mask": Data({"image": image, "mask": image} for image in PIL),
    "channels first": IT.images[:, None],
    "coloured, channels first": np.moveaxis(COLOURED, -1, 1),
    "list, channels first": [image[None] for image in IT.images],
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_give_the_scores_of_the_array(form):
    np.testing.assert_allclose(scores(FORMS[form]), scores(IT.images), atol=1e-5)


def test_generated_images_too():
    for generated in ([Image.fromarray(one) for one in IT.generated], IT.generated[:, None]):
        np.testing.assert_array_equal(scores(IT.images, generated), scores(IT.images))


def test_columns_of_a_table():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"image": list(IT.images)}, index=np.arange(16)[::-1])
    np.testing.assert_array_equal(scores(frame["image"]), scores(IT.images))
    arguments = {"cv": 2, "n_permutations": 0, "generated": IT.generated, "random_state": 0}
    attack = {"nearest": make_pipeline("nearest")}
    # With candidates, items are asked for by their number, not by the label of a row.
    with audit_silent():
        found = audit.audit(
            attack, frame["image"][:12], IT.target[:12], candidates=frame["image"][12:], **arguments
        )
        wanted = audit.audit(
            attack, IT.images[:12], IT.target[:12], candidates=IT.images[12:], **arguments
        )
    for name, one in found.attacks.items():
        np.testing.assert_array_equal(one.answers.scores, wanted.attacks[name].answers.scores)
    with pytest.raises(
        TypeError, match=r"column 'image' holds images; pass list\(table\['image'\]\)"
    ):
        scores(frame)
    with pytest.raises(TypeError, match=r"got the path 'a\.png'"):
        scores(pandas.Series(["a.png"] * 16))


def audit_silent():
    from gan_isi._preflight.before_fit import preflight_done

    return preflight_done(audit.preflight(IT.images[:12], IT.target[:12], generated=IT.generated))


def test_torch():
    torch = pytest.importorskip("torch")
    tensors = torch.from_numpy(IT.images)[:, None]
    labels = torch.from_numpy(IT.target)
    for form in (tensors, list(tensors), torch.utils.data.TensorDataset(tensors, labels)):
        np.testing.assert_array_equal(scores(form), scores(IT.images))
    with pytest.raises(TypeError, match=r"got DataLoader; pass loader\.dataset"):
        scores(torch.utils.data.DataLoader(tensors))


def test_pillow_images_are_what_their_files_are():
    grey = Image.fromarray((np.arange(64) * 3).astype(np.uint8).reshape(8, 8))
    attack = make_pipeline("nearest")["descriptors"]
    for mode in ("L", "P", "RGB"):
        vectors = attack.fit_transform([grey.convert(mode)])
        np.testing.assert_allclose(vectors, attack.fit_transform([np.asarray(grey)]), atol=1e-6)
    deep = np.asarray(grey).astype(np.uint16) * 257
    vectors = attack.fit_transform([Image.fromarray(deep)])
    np.testing.assert_allclose(vectors, attack.fit_transform([deep]), atol=1e-6)


@pytest.mark.parametrize(
    ("X", "said"),
    [
        ((image for image in IT.images), r"got generator; pass list\(images\)"),
        (Loader(PIL), r"got Loader; pass loader\.dataset"),
        (PIL[0], r"got Image; pass list"),
        (None, "got NoneType"),
        ([None] * 16, r"got list of NoneType; pass arrays"),
        (["a.png"] * 16, r"the path 'a\.png'"),
        (Data([(image, image) for image in PIL]), r"image . is a tuple of 2 images; pass \[item"),
        (Data([{"a": image, "b": image} for image in PIL]), r"\['a', 'b'\] are images; pass"),
        (Data([{"image": {"bytes": b""}}] * 16), "none are images"),
        ({"a": IT.images, "b": IT.images}, r"such as data\['a'\]"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_to_pass_instead(X, said):
    with pytest.raises(TypeError, match=said):
        scores(X)


def test_open_archive(tmp_path):
    np.savez(tmp_path / "a.npz", arr_0=IT.generated)
    with (
        np.load(tmp_path / "a.npz") as archive,
        pytest.raises(TypeError, match=r"an open \.npz archive.*archive\['arr_0'\]"),
    ):
        scores(IT.images, archive)


@pytest.mark.parametrize("shape", [(16, 8, 24, 24), (16, 4, 24, 24), (16, 24, 24, 9)])
def test_volumes_and_unclear_channels(shape):
    for X in (np.zeros(shape, np.uint8), list(np.zeros(shape, np.uint8))):
        with pytest.raises(ValueError, match=r"np\.moveaxis\(X, -3, -1\). Cut volumes into slices"):
            scores(X)


def test_masked_pixels():
    with pytest.raises(ValueError, match=r"masked values; fill them"):
        scores(np.ma.array(IT.images, mask=IT.images > 200))


def test_the_last_axis_goes_first():
    assert [channel_axis(shape, "") for shape in ((3, 9, 3), (3, 9, 9), (9, 9, 1))] == [2, 0, 2]
