"""Which files a collection consists of, and that nothing is read before it is asked for."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import KFold, cross_val_score, train_test_split
from sklearn.utils import indexable, shuffle

from gan_isi.datasets import ImageFiles, load_images


def write(path, value=0, size=(3, 2)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, value).save(path)


@pytest.fixture
def folder(tmp_path):
    for i in range(10):
        write(tmp_path / f"{i}.png", value=i)
    return tmp_path


@pytest.fixture
def gone(folder):
    """Ten images whose files have been deleted: reading one would fail."""
    images = load_images(folder)
    for path in images.paths:
        path.unlink()
    return images


def names(images):
    return [path.name for path in images.paths]


def test_folder_order_and_selection(tmp_path):
    for name in ("img10.png", "img2.png", "B.JPG", "a.tif", "._a.tif", ".hidden.png", "sub/c.png"):
        write(tmp_path / name) if "._" not in name else (tmp_path / name).write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "folder.png").mkdir()
    with pytest.warns(UserWarning, match=r"1 in subfolders.*recursive=True"):
        images = load_images(tmp_path)
    assert images.passed_over == {"hidden": 2, "no images (.txt)": 1, "in subfolders": 1}
    (tmp_path / "sub" / "c.png").unlink()
    assert names(load_images(tmp_path)) == ["B.JPG", "a.tif", "img10.png", "img2.png"]
    assert names(load_images(str(tmp_path))) == names(load_images(tmp_path))


def test_recursive_sorts_by_relative_path(tmp_path):
    for name in ("b/1.png", "b.png", "a/2.png", "a/x/0.png", ".cache/thumb.png"):
        write(tmp_path / name)
    images = load_images(tmp_path, recursive=True)
    relative = [path.relative_to(tmp_path).as_posix() for path in images.paths]
    assert relative == ["a/2.png", "a/x/0.png", "b.png", "b/1.png"]


def test_listed_files_keep_their_order(folder):
    listed = [folder / "3.png", str(folder / "1.png"), folder / "3.png"]
    images = load_images(iter(listed))
    assert names(images) == ["3.png", "1.png", "3.png"]
    assert [int(image[0, 0]) for image in images] == [3, 1, 3]


def test_folder_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*nowhere"):
        load_images(tmp_path / "nowhere")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match=r"empty contains no image files, such as \.png, ") as e:
        load_images(empty)
    assert ".dcm" in str(e.value)
    assert "recursive" not in str(e.value)
    write(empty / "sub" / "a.png")
    assert names(load_images(empty)) == ["a.png"]
    with pytest.raises(ValueError, match="recursive=True"):
        load_images(empty, recursive=False)
    with pytest.raises(NotADirectoryError, match=r"a\.png is a file"):
        load_images(empty / "sub" / "a.png")


def test_list_errors(tmp_path):
    with pytest.raises(ValueError, match="list of image files is empty"):
        load_images([])
    (tmp_path / "a.gif").write_bytes(b"")
    with pytest.raises(
        ValueError,
        match=r"a\.gif is no image .* '\.gif'; expected an image, or one of the suffixes \.png",
    ):
        load_images([tmp_path / "a.gif"])
    with pytest.raises(FileNotFoundError, match=r"missing\.png"):
        load_images([tmp_path / "missing.png"])
    with pytest.raises(TypeError, match="Expected paths of image files; got ndarray"):
        load_images(np.zeros((2, 4, 4)))


def test_integers_read_one_image(folder):
    images = load_images(folder)
    assert len(images) == 10
    assert images.shape == (10,)
    assert images[3].shape == (2, 3)
    for key in (-1, np.int64(9), np.uint8(9), np.array(9), (9, ...)):
        assert int(images[key][0, 0]) == 9
    np.testing.assert_array_equal(np.asarray(images)[:, 0, 0], np.arange(10))


@pytest.mark.parametrize(
    "key",
    [
        slice(2, None, 3),
        slice(0, 0),
        [7, 1, 1],
        [],
        np.array([], dtype=int),
        np.array([-1, 0]),
        np.array([3, 4], dtype=np.uint8),
        np.arange(10) % 2 == 0,
        [True] + 9 * [False],
        np.zeros(10, dtype=bool),
    ],
    ids=str,
)
def test_selections_are_those_of_an_array_and_read_nothing(gone, key):
    expected = np.arange(10)[key if len(np.shape(key)) == 0 or len(key) else slice(0, 0)]
    for selection in (gone[key], gone[key, ...]):
        assert isinstance(selection, ImageFiles)
        assert names(selection) == [f"{i}.png" for i in expected]


@pytest.mark.parametrize("key", [10, -11, [0, 10], np.ones(9, dtype=bool), [[0, 1]], (0, 1), (1,)])
def test_indices_out_of_range(gone, key):
    with pytest.raises(IndexError):
        gone[key]


@pytest.mark.parametrize("key", [1.0, "a", None, True, np.bool_(True)])
def test_other_keys(gone, key):
    with pytest.raises(TypeError, match="indexed by integers"):
        gone[key]
    with pytest.raises(IndexError):
        gone[[0.5]]


def test_model_selection_stays_lazy(gone):
    y = np.arange(10) % 2
    train, test, y_train, y_test = train_test_split(gone, y, random_state=0)
    for part, labels in ((train, y_train), (test, y_test)):
        assert isinstance(part, ImageFiles)
        np.testing.assert_array_equal([int(path.stem) % 2 for path in part.paths], labels)
    assert isinstance(shuffle(gone, random_state=0), ImageFiles)
    assert isinstance(indexable(gone, y)[0], ImageFiles)
    for train, _ in KFold(5).split(gone, y):
        assert len(gone[train]) == 8
    assert len(cross_val_score(DummyClassifier(), gone, y, cv=5, error_score="raise")) == 5


def test_what_an_estimator_is_given_is_lazy(gone):
    class Recorder(DummyClassifier):
        seen = []  # of the class: the clones share it

        def fit(self, X, y):
            self.seen.append(X)
            return super().fit(X, y)

    cross_val_score(Recorder(), gone, np.arange(10) % 2, cv=2, error_score="raise")
    assert [type(X) for X in Recorder.seen] == [ImageFiles, ImageFiles]


def test_pickle_and_repr(gone):
    copy = pickle.loads(pickle.dumps(gone))
    assert copy.paths == gone.paths
    assert repr(ImageFiles([])) == "ImageFiles(0 images)"
    assert repr(ImageFiles(["a.png"])) == "ImageFiles(1 image, 'a.png')"
    assert repr(ImageFiles([Path("a.png"), "b.png"])) == "ImageFiles(2 images, 'a.png' ... 'b.png')"
    assert len(repr(gone)) < 60 + 2 * len(str(gone.paths[0]))


def test_images_may_differ_in_size_and_are_not_cached(tmp_path):
    write(tmp_path / "a.png", size=(3, 2))
    write(tmp_path / "b.png", size=(5, 7))
    images = load_images(tmp_path)
    assert [image.shape for image in images] == [(2, 3), (7, 5)]
    images[0][:] = 9
    assert int(images[0].max()) == 0
