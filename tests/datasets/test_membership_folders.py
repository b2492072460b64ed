import numpy as np
import pytest
from PIL import Image

from gan_isi.datasets import ImageFiles, load_membership


def write(root, names):
    for value, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (3, 2), value).save(path)


LABELLED = ["real_used/b.png", "real_used/a.png", "real_not_used/a.bmp", "generated/g.png"]


def test_labelled_layout(tmp_path):
    write(tmp_path, LABELLED)
    data = load_membership(str(tmp_path))
    assert data.filenames == ["real_used/a.png", "real_used/b.png", "real_not_used/a.bmp"]
    assert [int(image[0, 0]) for image in data.images] == [1, 0, 2]
    np.testing.assert_array_equal(data.target, [1, 1, 0])
    assert data.target.dtype.kind == "i"
    assert [data.target_names[label] for label in data.target] == ["used", "used", "not_used"]
    assert data.ids == ["a", "b", "a"]
    assert [path.name for path in data.generated.paths] == ["g.png"]
    assert isinstance(data.images, ImageFiles)
    assert isinstance(data.generated, ImageFiles)
    assert data.unknown is None
    assert data.root == tmp_path
    assert "3 real images (2 used, 1 not used) and 1 generated" in data.DESCR


def test_unlabelled_layout(tmp_path):
    write(tmp_path, ["real_unknown/2.png", "real_unknown/10.png", "generated/g.png"])
    data = load_membership(tmp_path)
    assert data.ids == ["10", "2"]
    assert data.target is None
    assert data.unknown is None
    assert "2 real images (unlabelled)" in data.DESCR


def test_both_layouts(tmp_path):
    write(tmp_path, [*LABELLED, "real_unknown/u.png"])
    data = load_membership(tmp_path)
    assert len(data.images) == 3
    assert [path.name for path in data.unknown.paths] == ["u.png"]
    assert "1 unknown" in data.DESCR


@pytest.mark.parametrize("missing", ["real_used", "real_not_used", "generated"])
@pytest.mark.parametrize("others", [[], ["real_unknown/u.png"]], ids=["alone", "beside unknown"])
def test_half_a_labelled_layout(tmp_path, missing, others):
    write(tmp_path, [name for name in LABELLED + others if not name.startswith(missing + "/")])
    present = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match="holds neither layout") as caught:
        load_membership(tmp_path)
    expected, found = str(caught.value).split("found ")
    assert all(name in found for name in present)
    assert f"{missing}," not in found
    assert f"{missing}." not in found
    assert "real_used, real_not_used, generated" in expected
    assert "real_unknown, generated" in expected


def test_no_folders_at_all(tmp_path):
    with pytest.raises(ValueError, match="found no folders"):
        load_membership(tmp_path)
    for i in range(20):
        (tmp_path / f"patient_{i:02}").mkdir()
    with pytest.raises(ValueError, match="patient_07 and 12 more"):
        load_membership(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*nowhere"):
        load_membership(tmp_path / "nowhere")


def test_an_empty_folder_is_named(tmp_path):
    write(tmp_path, LABELLED)
    (tmp_path / "generated" / "g.png").unlink()
    with pytest.raises(ValueError, match="generated contains no image files"):
        load_membership(tmp_path)


def test_ids_that_clash_within_a_folder(tmp_path):
    write(tmp_path, [*LABELLED, "real_used/a.tif"])
    with pytest.raises(ValueError, match=r"real_used share an id .*: a\.png, a\.tif\."):
        load_membership(tmp_path)
