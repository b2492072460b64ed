"""DICOM files written by pydicom or by hand, and those that pydicom ships, against its values."""

import pickle
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest

from gan_isi.datasets import ImageReadError, load_images, patients_of
from gan_isi.datasets.dicom import is_dicom, n_frames, read_dicom

pydicom = pytest.importorskip("pydicom", minversion="3.0", reason="pydicom is optional")
pixels_of = pytest.importorskip("pydicom.pixels")

rng = np.random.default_rng(0)
GREY = rng.integers(0, 256, (40, 50), dtype=np.uint8)
RGB = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
DEEP = rng.integers(0, 2**16, (40, 50), dtype=np.uint16)
EXPLICIT, IMPLICIT = pydicom.uid.ExplicitVRLittleEndian, pydicom.uid.ImplicitVRLittleEndian
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
TWELVE = {"BitsStored": 12, "HighBit": 11}


def read(path):
    return load_images([path])[0]


def assert_same(image, expected):
    assert image.dtype == expected.dtype
    np.testing.assert_array_equal(image, expected)


def dataset_of(pixels, photometric="MONOCHROME2", n=None, syntax=EXPLICIT, **elements):
    one = pydicom.Dataset()
    one.file_meta = pydicom.dataset.FileMetaDataset()
    one.file_meta.TransferSyntaxUID = syntax
    one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID = SECONDARY_CAPTURE
    one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID = pydicom.uid.generate_uid()
    frame = pixels if n is None else pixels[0]
    if n is not None:
        one.NumberOfFrames = n
    one.Rows, one.Columns = frame.shape[:2]
    one.SamplesPerPixel = frame.shape[2] if frame.ndim == 3 else 1
    one.PhotometricInterpretation = photometric
    if frame.ndim == 3:
        one.PlanarConfiguration = 0
    one.BitsAllocated = one.BitsStored = 8 * pixels.itemsize
    one.HighBit = one.BitsStored - 1
    one.PixelRepresentation = int(pixels.dtype.kind == "i")
    one.PixelData = pixels.tobytes()
    for keyword, value in elements.items():
        setattr(one, keyword, value)
    return one


def write(path, pixels, *args, **elements):
    dataset_of(pixels, *args, **elements).save_as(path, enforce_file_format=True)
    return path


def item(**elements):
    one = pydicom.Dataset()
    for keyword, value in elements.items():
        setattr(one, keyword, value)
    return one


@pytest.fixture
def scan(tmp_path):
    return tmp_path / "scan.dcm"


class TestGrey:
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.uint32])
    def test_stored_type_without_rescale(self, scan, dtype):
        pixels = (DEEP % 200).astype(dtype)
        assert_same(read(write(scan, pixels)), pixels)
        assert_same(read(write(scan, pixels, RescaleSlope="1", RescaleIntercept="0")), pixels)

    def test_slope_and_intercept(self, scan):
        pixels = np.array([[0, 1000], [4095, 24]], dtype=np.uint16)
        write(scan, pixels, RescaleSlope="0.5", RescaleIntercept="-1024")
        assert_same(read(scan), np.array([[-1024, -524], [1023.5, -1012]], dtype=np.float32))
        assert_same(read(write(scan, pixels, RescaleSlope="2")), (2 * pixels).astype(np.float32))
        write(scan, pixels, RescaleSlope="0")
        with pytest.raises(ImageReadError, match="rescale slope is 0"):
            read(scan)

    def test_slopes_of_an_enhanced_object_are_those_of_the_frame(self, scan):
        groups = [
            item(PixelValueTransformationSequence=[item(RescaleSlope=s, RescaleIntercept="7")])
            for s in ("3", "5")
        ]
        pixels = np.arange(12, dtype=np.uint16).reshape(2, 2, 3)
        write(scan, pixels, n=2, PerFrameFunctionalGroupsSequence=groups)
        for frame, slope in enumerate((3, 5)):
            expected = (slope * pixels[frame] + 7).astype(np.float32)
            assert_same(read_dicom(scan, frame), expected)
        write(scan, pixels[:1], n=1, SharedFunctionalGroupsSequence=groups[:1])
        assert_same(read(scan), (3 * pixels[0] + 7).astype(np.float32))

    def test_stored_bits_are_noted_and_survive_a_process(self, scan):
        pixels = (DEEP % 4096).astype(np.uint16)
        image = read(write(scan, pixels, **TWELVE))
        assert_same(image, pixels)
        for copy in (image, image.copy(), image[1:], pickle.loads(pickle.dumps(image))):
            assert copy.dtype.metadata["bits_stored"] == 12
        assert read(write(scan, pixels)).dtype.metadata is None
        write(scan, pixels, RescaleIntercept="-1024", **TWELVE)
        assert_same(read(scan), pixels.astype(np.float32) - 1024)

    def test_what_lies_above_the_stored_bits_is_no_intensity(self, scan):
        pixels = (DEEP % 4096).astype(np.uint16)
        overlay = pixels | np.uint16(0x8000) * (pixels % 2)
        assert_same(read(write(scan, overlay, **TWELVE)), pixels)
        write(scan, pixels, BitsStored=12, HighBit=15)
        with pytest.raises(ImageReadError, match=r"12 stored bits .*HighBit is 15"):
            read(scan)

    @pytest.mark.parametrize(
        "inverse",
        [
            {"photometric": "MONOCHROME1"},
            {"PresentationLUTShape": "INVERSE"},
            {"photometric": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
        ],
    )
    def test_inverted_is_mirrored_once_in_its_stored_bits(self, scan, inverse):
        pixels = np.array([[0, 1000], [4095, 24]], dtype=np.uint16)
        write(scan, pixels, **inverse, **TWELVE)
        assert_same(read(scan), np.array([[4095, 3095], [0, 4071]], dtype=np.uint16))
        write(scan, pixels, **inverse, **TWELVE, RescaleIntercept="-1024")
        assert_same(read(scan), 3071 - pixels.astype(np.float32))
        write(scan, np.array([[-128, 5], [127, 0]], dtype=np.int8), **inverse)
        assert_same(read(scan), np.array([[127, -6], [-128, -1]], dtype=np.int8))

    @pytest.mark.parametrize("keyword", ["FloatPixelData", "DoubleFloatPixelData"])
    def test_float_pixels(self, scan, keyword):
        pixels = rng.normal(size=(5, 4)).astype("f4" if keyword.startswith("F") else "f8")
        one = dataset_of(pixels)
        for name in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
            delattr(one, name)
        setattr(one, keyword, pixels.tobytes())
        one.save_as(scan, enforce_file_format=True)
        assert_same(read(scan), pixels)

    def test_one_bit(self, scan):
        pixels = (GREY > 128).astype(np.uint8)
        write(scan, pixels, BitsAllocated=1, BitsStored=1, HighBit=0,
              PixelData=np.packbits(pixels.ravel(), bitorder="little").tobytes())  # fmt: skip
        image = read(scan)
        assert_same(image, pixels)
        assert image.dtype.metadata["bits_stored"] == 1


class TestTables:
    @pytest.mark.parametrize(("first", "bits"), [(0, 16), (10, 12), (0, 8)])
    def test_modality_table(self, scan, first, bits):
        table = rng.integers(0, 2**bits, 100)
        lut = item(LUTDescriptor=[100, first, bits], ModalityLUTType="US", LUTData=table.tolist())
        lut["LUTDescriptor"].VR = lut["LUTData"].VR = "US"
        image = read(write(scan, GREY, ModalityLUTSequence=[lut]))
        expected = np.array(
            [[table[min(max(v - first, 0), 99)] for v in row] for row in GREY.tolist()]
        )
        assert_same(image, expected.astype(np.uint8 if bits == 8 else np.uint16))
        assert (image.dtype.metadata or {}).get("bits_stored") == (12 if bits == 12 else None)
        write(scan, GREY, "MONOCHROME1", ModalityLUTSequence=[lut])
        np.testing.assert_array_equal(read(scan), 2**bits - 1 - expected)

    def test_a_table_that_is_too_short_is_refused(self, scan):
        lut = item(LUTDescriptor=[100, 0, 16], ModalityLUTType="US", LUTData=[1, 2, 3])
        lut["LUTDescriptor"].VR = lut["LUTData"].VR = "US"
        write(scan, GREY, ModalityLUTSequence=[lut])
        with pytest.raises(ImageReadError, match="has 3 entries instead of 100"):
            read(scan)

    @pytest.mark.parametrize("syntax", [EXPLICIT, pydicom.uid.ExplicitVRBigEndian])
    @pytest.mark.parametrize("stored", [np.uint8, np.uint16])
    def test_palette(self, scan, stored, syntax):
        tables = rng.integers(0, 2**16, (3, 300), dtype=np.uint16)
        indices = rng.integers(0, 250 if stored == np.uint8 else 320, (20, 30)).astype(stored)
        order = "<" if syntax == EXPLICIT else ">"
        elements = {"PixelData": indices.astype(indices.dtype.newbyteorder(order)).tobytes()}
        for name, table in zip(("Red", "Green", "Blue"), tables, strict=True):
            elements[f"{name}PaletteColorLookupTableDescriptor"] = [300, 5, 16]
            elements[f"{name}PaletteColorLookupTableData"] = table.astype(f"{order}u2").tobytes()
        one = dataset_of(indices, "PALETTE COLOR", syntax=syntax, **elements)
        for name in ("Red", "Green", "Blue"):
            one[f"{name}PaletteColorLookupTableDescriptor"].VR = "US"
        one["PixelData"].VR = "OB" if stored == np.uint8 else "OW"
        one.save_as(scan, enforce_file_format=True)
        expected = np.moveaxis(tables[:, np.clip(indices.astype(int) - 5, 0, 299)], 0, -1)
        assert_same(read(scan), expected)


class TestColour:
    def test_rgb_in_both_planar_configurations(self, scan):
        assert_same(read(write(scan, RGB, "RGB")), RGB)
        planes = np.ascontiguousarray(np.moveaxis(RGB, -1, 0)).tobytes()
        assert_same(read(write(scan, RGB, "RGB", PlanarConfiguration=1, PixelData=planes)), RGB)

    def test_ybr_is_rgb(self, scan):
        image = read(write(scan, RGB, "YBR_FULL")).astype(float)
        y, blue, red = RGB[..., 0].astype(float), RGB[..., 1] - 128.0, RGB[..., 2] - 128.0
        expected = np.stack(
            [y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue], axis=-1
        )
        assert np.abs(image - np.clip(expected, 0, 255)).max() <= 1
        # Of two pixels in a row 4:2:2 keeps Y, Y and one pair of the others.
        shared = np.concatenate([RGB[:, ::2, :1], RGB[:, 1::2, :1], RGB[:, ::2, 1:]], axis=-1)
        write(scan, RGB, "YBR_FULL_422", PixelData=shared.tobytes())
        doubled = RGB.copy()
        doubled[:, 1::2, 1:] = RGB[:, ::2, 1:]
        np.testing.assert_array_equal(
            read(scan), pixels_of.convert_color_space(doubled, "YBR_FULL", "RGB")
        )

    @pytest.mark.parametrize("photometric", ["YBR_ICT", "HSV", "YBR_PARTIAL_420"])
    def test_others_are_refused_by_name(self, scan, photometric):
        with pytest.raises(ImageReadError, match=rf"interpretation {photometric}; expected MONO"):
            read(write(scan, RGB, photometric))


class TestFrames:
    def test_each_is_read_by_its_number(self, scan):
        pixels = rng.integers(0, 4096, (5, 8, 9)).astype(np.uint16)
        write(scan, pixels, n=5, **TWELVE)
        assert n_frames(scan) == 5
        with scan.open("rb") as file:
            for number, frame in enumerate(pixels):
                assert_same(read_dicom(scan, number), frame)
                assert_same(read_dicom(file, number), frame)
        for wrong in (5, -1):
            with pytest.raises(ValueError, match=f"5 frames, and none with the number {wrong}"):
                read_dicom(scan, wrong)
        with pytest.raises(ValueError, match="contains 5 frames"):
            read_dicom(scan)
        assert n_frames(write(scan, pixels[0])) == 1

    def test_a_frame_is_an_image_and_its_file_the_group(self, scan, tmp_path):
        pixels = rng.integers(0, 4096, (3, 8, 9)).astype(np.uint16)
        write(scan, pixels, n=3, **TWELVE)
        write(tmp_path / "zz", pixels[0])
        images = load_images(tmp_path)
        assert images.names == ("scan.dcm/00000", "scan.dcm/00001", "scan.dcm/00002", "zz")
        for image, frame in zip(images, [*pixels, pixels[0]], strict=True):
            assert_same(image, frame)
        groups = patients_of(images, "file")
        assert groups == [str(scan)] * 3 + [str(tmp_path / "zz")]


class TestEncodings:
    @pytest.mark.parametrize(
        ("syntax", "order"),
        [
            (IMPLICIT, "<"),
            (pydicom.uid.ExplicitVRBigEndian, ">"),
            (pydicom.uid.DeflatedExplicitVRLittleEndian, "<"),
        ],
    )
    def test_native(self, scan, syntax, order):
        one = dataset_of(DEEP, syntax=syntax, PixelData=DEEP.astype(f"{order}u2").tobytes())
        one["PixelData"].VR = "OW"
        one.save_as(scan, enforce_file_format=True)
        assert_same(read(scan), DEEP)

    @pytest.mark.parametrize("implicit", [True, False])
    @pytest.mark.parametrize("little", [True, False])
    def test_without_preamble_and_meta(self, scan, implicit, little):
        if implicit and not little:
            pytest.skip("there is no such encoding")
        one = dataset_of(DEEP, PixelData=DEEP.astype("<u2" if little else ">u2").tobytes())
        one["PixelData"].VR = "OW"
        del one.file_meta
        one.save_as(scan, implicit_vr=implicit, little_endian=little)
        assert is_dicom(scan.read_bytes()[:132])
        assert_same(read(scan), DEEP)

    def test_run_lengths(self, scan):
        one = dataset_of(DEEP)
        one.compress(pydicom.uid.RLELossless)
        one.save_as(scan)
        assert_same(read(scan), DEEP)

    @pytest.mark.parametrize("signed", [False, True])
    @pytest.mark.parametrize("name", ["JPEG2000Lossless", "JPEGLSLossless"])
    def test_lossless_compressions(self, scan, name, signed):
        pytest.importorskip("gdcm", reason="of the extra dicom")
        pytest.importorskip("openjpeg" if name == "JPEG2000Lossless" else "jpeg_ls")
        pixels = (DEEP % 4096).astype(np.int16) - 2048 * signed if signed else DEEP % 4096
        one = dataset_of(pixels, **TWELVE, RescaleSlope="1", RescaleIntercept="-1000")
        one.compress(getattr(pydicom.uid, name))
        one.save_as(scan)
        assert_same(read(scan), pixels.astype(np.float32) - 1000)


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("rtplan.dcm", "RT Plan, which holds no image"),
            ("reportsi.dcm", "Basic Text SR, which holds no image"),
            ("rtdose_1frame.dcm", "RT Dose, whose pixels are not a picture"),
            ("liver_1frame.dcm", "Segmentation, whose pixels are not a picture"),
            ("DICOMDIR", "Media Storage Directory, which holds no image"),
        ],
    )
    def test_what_is_no_image_is_called_by_its_name(self, tmp_path, name, words):
        folder = Path(pydicom.__file__).parent / "data" / "test_files"
        found = next(folder.rglob(name))
        (tmp_path / "x.dcm").write_bytes(found.read_bytes())
        with pytest.raises(ImageReadError, match=rf"x\.dcm .*it is a {words}"):
            read(tmp_path / "x.dcm")

    @pytest.mark.parametrize("kept", [0, 50, 200, -100, -1])
    def test_damaged(self, scan, kept):
        scan.write_bytes(write(scan, GREY).read_bytes()[:kept])
        with pytest.raises(ImageReadError, match=r"scan\.dcm"):
            read(scan)

    @pytest.mark.parametrize(
        "missing", ["Rows", "BitsAllocated", "PhotometricInterpretation", "PixelData"]
    )
    def test_elements_that_are_needed(self, scan, missing):
        one = dataset_of(GREY)
        one["PixelData"].VR = "OW"
        delattr(one, missing)
        one.save_as(scan, enforce_file_format=True)
        with pytest.raises(ImageReadError, match=r"scan\.dcm"):
            read(scan)

    @pytest.mark.parametrize(
        ("syntax", "data"),
        [
            ("JPEG2000", b"\xff\x4f\xff\x51" + bytes(4) + b"\0\0\xff\xff" * 2),
            ("JPEGLSLossless", b"\xff\xd8\xff\xf7\0\x0b\x08" + b"\xff\xff" * 2),
        ],
    )
    def test_compressed_data_larger_than_the_header_says(self, scan, syntax, data):
        one = dataset_of(GREY)
        one.file_meta.TransferSyntaxUID = getattr(pydicom.uid, syntax)
        one.PixelData = pydicom.encaps.encapsulate([data + bytes(60)])
        one["PixelData"].VR = "OB"
        one["PixelData"].is_undefined_length = True
        one.save_as(scan, enforce_file_format=True)
        with pytest.raises(ImageReadError, match="another size than its header says"):
            read(scan)

    def test_boxes_of_length_zero_do_not_hang(self, scan):
        pytest.importorskip("openjpeg", reason="of the extra dicom")
        one = dataset_of(GREY)
        box = b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40)
        one.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless
        one.PixelData = pydicom.encaps.encapsulate([box])
        one["PixelData"].VR = "OB"
        one["PixelData"].is_undefined_length = True
        one.save_as(scan, enforce_file_format=True)
        with pytest.raises(ImageReadError, match="boxes around its JPEG 2000 are damaged"):
            read(scan)

    def test_too_many_pixels(self, scan):
        write(scan, GREY)
        with pytest.raises(ValueError, match="2000 pixels, more than max_pixels=1999"):
            read_dicom(scan, max_pixels=1999)

    def test_a_deflated_file_that_grows_without_end(self, scan, monkeypatch):
        monkeypatch.setattr("gan_isi.datasets.dicom.MAX_PIXELS", 10_000)
        one = dataset_of(GREY, syntax=pydicom.uid.DeflatedExplicitVRLittleEndian)
        one.save_as(scan, enforce_file_format=True)
        read_dicom(scan)
        content = scan.read_bytes()
        head = content[: 144 + int.from_bytes(content[140:144], "little")]
        deflate = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
        scan.write_bytes(head + deflate.compress(bytes(10**6)) + deflate.flush())
        with pytest.raises(ValueError, match="deflated and inflates to more than 40000 bytes"):
            read_dicom(scan)


def test_other_files_do_not_begin_like_dicom():
    beginnings = [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"II*\0\x08\0\0\0",
        b"BM",
        b"PK\3\4",
    ]
    assert not any(is_dicom(one + bytes(120)) for one in beginnings)


def expected_of(path):
    """Return what pydicom's own functions make of the first frame, and nothing else is right."""
    one = pydicom.dcmread(path, force=True)
    kind = one.get("PhotometricInterpretation")
    stored = pixels_of.pixel_array(one, index=0)
    if kind == "PALETTE COLOR":
        return pixels_of.apply_color_lut(stored, one)
    if not kind.startswith("MONOCHROME"):
        return stored
    if kind == "MONOCHROME1":
        stored = 2**one.BitsStored - 1 - stored.astype(int)
    return pixels_of.apply_modality_lut(stored, one)


#: Where pydicom's function is wrong, or does not look: rescale in functional groups, and a
#: palette in big endian.
_OTHERS = ("eCT_Supplemental", "_expb_2frame", "OBXXXX1A_expb")


def test_files_that_pydicom_ships():
    n_read, refused = 0, []
    for path in sorted((Path(pydicom.__file__).parent / "data" / "test_files").rglob("*")):
        if path.suffix not in (".dcm", "") or not path.is_file() or path.stat().st_size > 1e6:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = expected_of(path)
            except Exception:  # what pydicom can't read is no business of this test
                continue
            try:
                got = read_dicom(path, 0)
            except ValueError as error:
                refused.append(str(error))
                continue
        if path.name.startswith(_OTHERS):
            continue
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-3, err_msg=path.name)
        n_read += 1
    assert n_read >= 50
    assert all("not a picture" in one or "GPL" in one for one in refused)
