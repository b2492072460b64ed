"""Patients by folder and by DICOM header, in Python and in the shell."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_isi import datasets
from gan_isi.cli import main


def save(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 3)).save(path)
    return path


def test_folder_below_the_root(tmp_path):
    names = ("p1/a.png", "p1/left/b.png", "p2/right/deep/a.png")
    paths = [save(tmp_path / name) for name in names]
    images = datasets.load_images(paths)
    assert datasets.patients_of(images, "folder", root=tmp_path) == ["p1", "p1", "p2"]
    with pytest.raises(ValueError, match=r"a\.png lies in no folder below .*p1 that could name"):
        datasets.patients_of(images[:1], "folder", root=tmp_path / "p1")
    with pytest.raises(ValueError, match="needs root="):
        datasets.patients_of(images, "folder")
    with pytest.raises(ValueError, match="'dicom', 'folder' or 'file'; got 'x'"):
        datasets.patients_of(images, "x")


def test_dicom_in_the_shell(tmp_path, capsys):
    pydicom = pytest.importorskip("pydicom", minversion="3.0", reason="pydicom is optional")
    uid = importlib.import_module("pydicom.uid")
    it = datasets.make_membership_problem(
        24, n_generated=20, image_size=32, memorization=0.9, random_state=0
    )
    numbers = {0: 0, 1: 0}
    for picture, label in zip(it.images, it.target, strict=True):
        path = tmp_path / ("used" if label else "other") / f"{numbers[label]:02}.dcm"
        path.parent.mkdir(exist_ok=True)
        one = pydicom.Dataset()
        one.file_meta = pydicom.dataset.FileMetaDataset()
        one.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        one.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
        one.file_meta.MediaStorageSOPInstanceUID = uid.generate_uid()
        one.PatientID = f"SECRET{label}{numbers[label] // 2}"
        one.Rows, one.Columns = picture.shape
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 8, 8, 7, 0
        one.PixelData = np.ascontiguousarray(picture).tobytes()
        one.save_as(path, enforce_file_format=True)
        numbers[label] += 1
    for i, picture in enumerate(it.generated):
        Image.fromarray(picture).save(save(tmp_path / "generated" / f"{i}.png"))
    images = datasets.load_images(tmp_path / "used")
    patients = datasets.patients_of(images, "dicom")
    assert patients[::2] == patients[1::2]
    assert len(set(patients)) == 6
    assert "SECRET" not in "".join(patients)
    with pytest.raises(datasets.ImageReadError, match=r"0\.png names no patient"):
        datasets.patients_of(datasets.load_images([tmp_path / "generated" / "0.png"]), "dicom")

    folders = [f"--{one}={tmp_path / name}" for one, name in (
        ("used", "used"), ("not-used", "other"), ("generated", "generated"))]  # fmt: skip
    audit = ["audit", *folders, "--permutations", "0", "--folds", "3", "--attack", "nearest"]
    assert main([*audit, "--patient-from", "dicom", "--json", f"{tmp_path}/a.json"]) == 0
    out, err = capsys.readouterr()
    assert "of 12 patients" in out
    assert "SECRET" not in out + err + Path(tmp_path, "a.json").read_text(encoding="utf-8")
    predict = ["predict", *folders, f"--candidates={tmp_path}/used", f"--output={tmp_path}/o.csv"]
    assert main([*audit, "--patient-from", "folder"]) == 1
    assert "lies in no folder below" in capsys.readouterr().err
    for command in (audit, predict):
        assert main([*command, "--patient-from", "csv"]) == 2
        assert "--patient-from csv needs --patients FILE" in capsys.readouterr().err
