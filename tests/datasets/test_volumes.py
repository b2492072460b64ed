"""Volumes cut into slices: NIfTI against nibabel's own turns, DICOM against NIfTI."""

import itertools
import pickle

import numpy as np
import pytest

from gan_isi.datasets import ImageReadError, VolumeSlices, load_volumes

nibabel = pytest.importorskip("nibabel", reason="of the extra volumes")
pydicom = pytest.importorskip("pydicom", minversion="3.0", reason="of the extra volumes")

rng = np.random.default_rng(0)
#: Along (left to right, back to front, foot to head), as nibabel has it.
CANONICAL = rng.integers(-1000, 1000, (5, 6, 7)).astype(np.int16)
#: The same along (head to foot, front to back, right to left): rows and columns as displayed.
SHOWN = CANONICAL[::-1, ::-1, ::-1].transpose(2, 1, 0)
#: Of the names the axis of SHOWN.
PLANES = {"axial": 0, "coronal": 1, "sagittal": 2}


def save_nifti(path, canonical=CANONICAL, codes="RAS", tilt=0.0):
    """Store the canonical array along other axes, as nibabel turns it."""
    start = nibabel.orientations.axcodes2ornt("RAS")
    turn = nibabel.orientations.ornt_transform(start, nibabel.orientations.axcodes2ornt(codes))
    affine = np.diag([0.7, 0.8, 3.0, 1.0])
    affine[:2, :2] = [
        [0.7 * np.cos(tilt), -0.8 * np.sin(tilt)],
        [0.7 * np.sin(tilt), 0.8 * np.cos(tilt)],
    ]
    stored = nibabel.Nifti1Image(canonical, affine).as_reoriented(turn)
    nibabel.save(stored, path)
    return path


def save_series(folder, slices, *, step, row=(1, 0, 0), column=(0, 1, 0), uid="1.2.3", **elements):
    """Write one file a slice, in an order of names that says nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, pixels in enumerate(slices):
        one = pydicom.Dataset()
        one.file_meta = pydicom.dataset.FileMetaDataset()
        one.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        one.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
        one.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        one.SOPClassUID, one.SeriesInstanceUID = "1.2.840.10008.5.1.4.1.1.4", uid
        one.InstanceNumber = (7 * k) % 11
        one.ImagePositionPatient = [float(k * x) for x in step]
        one.ImageOrientationPatient = [*row, *column]
        one.Rows, one.Columns = pixels.shape
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.BitsAllocated = one.BitsStored = 16
        one.HighBit, one.PixelRepresentation = 15, int(pixels.dtype.kind == "i")
        one.PixelData = np.ascontiguousarray(pixels).tobytes()
        for keyword, value in elements.items():
            setattr(one, keyword, value)
        one.save_as(folder / f"{(5 * k) % 13:03}.dcm", enforce_file_format=True)
    return folder


class TestNifti:
    @pytest.mark.parametrize(("axis", "number"), PLANES.items())
    @pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SAL"])
    def test_named_slices_are_turned_as_displayed(self, tmp_path, codes, axis, number):
        for tilt in (0.0, 0.4):
            path = save_nifti(tmp_path / "v.nii.gz", codes=codes, tilt=tilt)
            slices = load_volumes(path, axis)
            assert len(slices) == SHOWN.shape[number]
            for k, image in enumerate(slices):
                assert image.dtype == np.int16
                np.testing.assert_array_equal(image, SHOWN.take(k, number))

    def test_every_orientation_gives_the_same(self, tmp_path):
        for pairs in itertools.permutations(("LR", "AP", "IS")):
            codes = "".join(pair[i % 2] for i, pair in enumerate(pairs))
            (image,) = load_volumes(save_nifti(tmp_path / "v.nii", codes=codes), n_slices=1)
            np.testing.assert_array_equal(image, SHOWN[3])

    def test_numbered_axes_are_those_of_the_file(self, tmp_path):
        path = save_nifti(tmp_path / "v.nii", codes="PIR")
        stored = np.asarray(nibabel.load(path).dataobj)
        for axis in range(3):
            for k, image in enumerate(load_volumes(path, axis)):
                np.testing.assert_array_equal(image, stored.take(k, axis))

    def test_scaled_values_and_colours(self, tmp_path):
        one = nibabel.Nifti1Image(CANONICAL, np.eye(4))
        one.header.set_slope_inter(0.5, -3)
        nibabel.save(one, tmp_path / "v.nii")
        (image,) = load_volumes(tmp_path / "v.nii", 0, n_slices=1)
        assert image.dtype == np.float32
        np.testing.assert_allclose(image, nibabel.load(tmp_path / "v.nii").get_fdata()[2])
        rgb = rng.integers(0, 256, (4, 5, 6, 3)).astype(np.uint8)
        kind = np.dtype([(name, np.uint8) for name in "RGB"])
        coloured = np.ascontiguousarray(rgb).view(kind).reshape(4, 5, 6)
        nibabel.save(nibabel.Nifti1Image(coloured, np.eye(4)), tmp_path / "c.nii")
        np.testing.assert_array_equal(load_volumes(tmp_path / "c.nii", 2)[1], rgb[:, :, 1])


class TestDicomSeries:
    @pytest.mark.parametrize(("axis", "number"), PLANES.items())
    def test_slices_lie_as_in_the_patient(self, tmp_path, axis, number):
        # From foot to head: the first file is the last slice shown.
        save_series(tmp_path / "s", SHOWN[::-1], step=(0, 0, 3))
        slices = load_volumes(tmp_path, axis)
        np.testing.assert_array_equal(np.stack(list(slices)), np.moveaxis(SHOWN, number, 0))

    def test_sagittal_acquisition(self, tmp_path):
        # Columns grow to the back, rows to the feet, slices to the left.
        stored = np.moveaxis(SHOWN, 2, 0)
        save_series(tmp_path / "s", stored, step=(2, 0, 0), row=(0, 1, 0), column=(0, 0, -1))
        for axis, number in PLANES.items():
            found = np.stack(list(load_volumes(tmp_path, axis)))
            np.testing.assert_array_equal(found, np.moveaxis(SHOWN, number, 0))
        # The normal of these rows and columns points to the right.
        np.testing.assert_array_equal(load_volumes(tmp_path, 0)[1], stored[-2])

    def test_stored_bits_stay_noted(self, tmp_path):
        save_series(tmp_path / "s", (SHOWN + 1000).astype(np.uint16), step=(0, 0, 3),
                    BitsStored=12, HighBit=11)  # fmt: skip
        assert load_volumes(tmp_path)[0].dtype.metadata["bits_stored"] == 12

    def test_frames_of_one_file(self, tmp_path):
        save_series(
            tmp_path, SHOWN[:1], step=(0, 0, 1), NumberOfFrames=7, PixelData=SHOWN.tobytes()
        )
        np.testing.assert_array_equal(np.stack(list(load_volumes(tmp_path, 0))), SHOWN)

    def test_what_is_no_volume_is_counted(self, tmp_path):
        save_nifti(tmp_path / "right.nii")
        save_series(tmp_path / "times", np.concatenate([SHOWN, SHOWN]), step=(0, 0, 0), uid="1.1")
        save_series(tmp_path / "alone", SHOWN[:1], step=(0, 0, 1), uid="1.2")
        save_series(tmp_path / "scout", SHOWN[:2], step=(0, 0, 1), uid="1.3")
        save_series(tmp_path / "scout2", SHOWN[:2], step=(0, 1, 0), column=(0, 0, -1), uid="1.3")
        four = nibabel.Nifti1Image(np.zeros((3, 3, 3, 2), np.int16), np.eye(4))
        nibabel.save(four, tmp_path / "four.nii")
        (tmp_path / "broken.nii.gz").write_bytes(b"\x1f\x8b")
        (tmp_path / "notes.txt").write_text("x")
        with pytest.warns(UserWarning, match=r"1 .*neither NIfTI nor DICOM"):
            slices = load_volumes(tmp_path)
        assert {path.name for path in slices.paths} == {"right.nii"}
        counts = {why: len(names) for why, names in slices.passed_over.items()}
        assert sorted(counts.values()) == [1, 1, 1, 1, 4, 13]  # two files of 14 share a name
        with pytest.raises(ValueError, match=r"There are no volumes .* 1 that are neither"):
            load_volumes(tmp_path / "notes.txt")


class TestSlices:
    @pytest.fixture
    def two(self, tmp_path):
        save_nifti(tmp_path / "a.nii.gz")
        save_nifti(tmp_path / "b.nii.gz", CANONICAL[:, :, :4] + np.int16(1))
        return load_volumes(tmp_path)

    def test_indexing_and_groups(self, two):
        assert len(two) == two.shape[0] == 11
        assert np.unique(two.groups, return_counts=True)[1].tolist() == [7, 4]
        every = list(two)
        for key in (slice(2, 9, 3), [0, 10, 3], np.array([1, 2]), np.arange(11) % 2 == 0):
            part = two[key]
            assert isinstance(part, VolumeSlices)
            for image, k in zip(part, np.arange(11)[key], strict=True):
                np.testing.assert_array_equal(image, every[k])
        assert len(two[[]]) == 0
        np.testing.assert_array_equal(two[-1], every[10])
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(two))[3], every[3])
        with pytest.raises(IndexError):
            two[11]

    def test_so_many_evenly_spaced(self, tmp_path, two):
        few = load_volumes(tmp_path, n_slices=2)
        assert [number for _, number in few.entries] == [1, 5, 1, 3]
        assert len(load_volumes(tmp_path, n_slices=99)) == len(two)

    def test_one_volume_is_read_once_and_a_changed_one_again(self, tmp_path, two, monkeypatch):
        read = []
        load = nibabel.load
        monkeypatch.setattr(nibabel, "load", lambda path: read.append(path) or load(path))
        list(two)
        assert len(read) == 2
        save_nifti(tmp_path / "b.nii.gz", CANONICAL[:, :, :4] + np.int16(5))
        np.testing.assert_array_equal(two[10], SHOWN[6] + 5)

    def test_errors_say_what_to_do(self, tmp_path, two):
        with pytest.raises(
            ValueError, match=r"'axial', 'coronal', 'sagittal', or the number .*'z'"
        ):
            load_volumes(tmp_path, "z")
        with pytest.raises(ValueError, match="n_slices has to be at least 1"):
            load_volumes(tmp_path, n_slices=0)
        with pytest.raises(FileNotFoundError, match="no file or folder"):
            load_volumes(tmp_path / "x")
        content = (tmp_path / "a.nii.gz").read_bytes()
        (tmp_path / "a.nii.gz").write_bytes(content[:-30])
        with pytest.raises(ImageReadError, match=r"a\.nii\.gz cannot be read as a volume"):
            two[0]
        lost = nibabel.Nifti1Image(CANONICAL, None)
        lost.header["qform_code"] = lost.header["sform_code"] = 0
        nibabel.save(lost, tmp_path / "lost.nii")
        with pytest.raises(ValueError, match="without orientation, for which axis has to be a num"):
            load_volumes(tmp_path / "lost.nii")
        assert len(load_volumes(tmp_path / "lost.nii", 1)) == 6
