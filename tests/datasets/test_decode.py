"""Files written by Pillow, tifffile or by hand, read back pixel by pixel."""

import builtins
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from gan_isi.datasets import ImageReadError, load_images

rng = np.random.default_rng(0)
GREY = rng.integers(0, 256, (40, 50), dtype=np.uint8)
RGB = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
DEEP = rng.integers(0, 2**16, (40, 50), dtype=np.uint16)


def read(path):
    return load_images([path])[0]


def assert_same(image, expected):
    assert image.dtype == expected.dtype
    assert image.dtype.isnative
    assert image.flags.writeable
    np.testing.assert_array_equal(image, expected)


def write_png(path, pixels, colour_type):
    """A 16-bit PNG without Pillow: big-endian rows, each with filter byte 0."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".TIFF", ".PNG"])
@pytest.mark.parametrize("pixels", [GREY, RGB], ids=["grey", "rgb"])
def test_lossless_8_bit(tmp_path, suffix, pixels):
    path = tmp_path / f"image{suffix}"
    Image.fromarray(pixels).save(path)
    assert_same(read(path), pixels)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
def test_jpeg(tmp_path, suffix):
    smooth = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8)
    path = tmp_path / f"image{suffix}"
    Image.fromarray(smooth).save(path, quality=95)
    image = read(path)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - smooth).max() <= 3


def test_alpha_is_kept(tmp_path):
    for mode, n_channels in (("LA", 2), ("RGBA", 4)):
        pixels = rng.integers(0, 256, (5, 7, n_channels), dtype=np.uint8)
        path = tmp_path / f"{mode}.png"
        Image.fromarray(pixels).save(path)
        assert_same(read(path), pixels)


def test_a_transparent_colour_becomes_an_alpha_channel(tmp_path):
    path = tmp_path / "key.png"
    pixels = np.array([[0, 7], [7, 255]], dtype=np.uint8)
    Image.fromarray(pixels).save(path, transparency=7)
    image = read(path)
    np.testing.assert_array_equal(image[..., 0], pixels)
    np.testing.assert_array_equal(image[..., 1], np.where(pixels == 7, 0, 255))


def test_16_bit_grey_png_written_by_hand(tmp_path):
    write_png(tmp_path / "deep.png", DEEP, colour_type=0)
    assert_same(read(tmp_path / "deep.png"), DEEP)


@pytest.mark.parametrize(("colour_type", "n_channels"), [(2, 3), (4, 2), (6, 4)])
def test_16_bit_colour_png_is_refused_rather_than_reduced(tmp_path, colour_type, n_channels):
    pixels = rng.integers(0, 2**16, (4, 5, n_channels), dtype=np.uint16)
    write_png(tmp_path / "deep.png", pixels, colour_type)
    with pytest.raises(ImageReadError, match=r"deep\.png is a PNG of 16 bits a channel"):
        read(tmp_path / "deep.png")


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.uint32, np.float32, np.float64])
def test_tiff_keeps_its_depth(tmp_path, dtype, byteorder):
    pixels = np.array([[0, 1, 300], [2**15 - 1, 77, 5]]).astype(dtype)
    tifffile.imwrite(tmp_path / "deep.tif", pixels, byteorder=byteorder, photometric="minisblack")
    assert_same(read(tmp_path / "deep.tif"), pixels)


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_16_bit_colour_tiff(tmp_path, planar):
    pixels = RGB.astype(np.uint16) * 257 - 3
    stored = np.moveaxis(pixels, -1, 0) if planar == "separate" else pixels
    tifffile.imwrite(tmp_path / "deep.tif", stored, photometric="rgb", planarconfig=planar)
    assert_same(read(tmp_path / "deep.tif"), pixels)


def test_compressed_16_bit_tiff(tmp_path):
    Image.fromarray(DEEP).save(tmp_path / "lzw.tif", compression="tiff_lzw")
    assert_same(read(tmp_path / "lzw.tif"), DEEP)


def test_white_as_zero_tiff(tmp_path):
    tifffile.imwrite(tmp_path / "8.tif", GREY, photometric="miniswhite")
    assert_same(read(tmp_path / "8.tif"), 255 - GREY)
    tifffile.imwrite(tmp_path / "16.tif", DEEP, photometric="miniswhite")
    assert_same(read(tmp_path / "16.tif"), 65535 - DEEP)
    tifffile.imwrite(tmp_path / "int.tif", DEEP.astype(np.int32), photometric="miniswhite")
    with pytest.raises(ImageReadError, match=r"int\.tif stores white as 0"):
        read(tmp_path / "int.tif")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_one_bit_is_boolean(tmp_path, suffix):
    pixels = GREY > 127
    path = tmp_path / f"mask{suffix}"
    Image.fromarray(pixels).save(path)
    assert_same(read(path), pixels)


def test_colour_palette_becomes_rgb(tmp_path):
    image = Image.fromarray((GREY % 3).astype(np.uint8))
    colours = np.array([[255, 0, 0], [0, 9, 0], [1, 2, 3]], dtype=np.uint8)
    image.putpalette(colours.tobytes())
    image.save(tmp_path / "palette.png")
    assert_same(read(tmp_path / "palette.png"), colours[GREY % 3])


def test_grey_palette_becomes_grey(tmp_path):
    levels = np.array([200, 10, 77], dtype=np.uint8)
    image = Image.fromarray((GREY % 3).astype(np.uint8))
    # The last entry is coloured but does not occur.
    image.putpalette(bytes(np.repeat(levels, 3)) + bytes([1, 2, 3]))
    image.save(tmp_path / "palette.png")
    assert_same(read(tmp_path / "palette.png"), levels[GREY % 3])
    image.save(tmp_path / "clear.png", transparency=1)
    clear = read(tmp_path / "clear.png")
    np.testing.assert_array_equal(clear[..., 0], levels[GREY % 3])
    np.testing.assert_array_equal(clear[..., 1], np.where(GREY % 3 == 1, 0, 255))


def test_cmyk_is_not_taken_for_rgba(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "print.jpg", quality=95)
    image = read(tmp_path / "print.jpg")
    assert image.shape == (8, 8, 3)
    assert (image[..., 0] > 200).all()
    assert (image[..., 1:] < 60).all()


def test_exif_orientation_is_not_applied(tmp_path):
    image = Image.fromarray(np.zeros((8, 24), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert read(tmp_path / "turned.jpg").shape == (8, 24)


def test_pages_are_refused(tmp_path):
    pages = [Image.fromarray(GREY), Image.fromarray(255 - GREY), Image.fromarray(GREY)]
    for name in ("stack.tif", "film.png"):
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
        with pytest.raises(ImageReadError, match=rf"{name} contains 3 pages"):
            read(tmp_path / name)


def test_deep_pages_are_refused(tmp_path):
    stack = np.zeros((4, 40, 50), dtype=np.int16)
    tifffile.imwrite(tmp_path / "stack.tif", stack, photometric="minisblack")
    with pytest.raises(ImageReadError, match=r"stack\.tif contains 4 pages"):
        read(tmp_path / "stack.tif")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.tif", "deep.tif", "deflate.tif"])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.9])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data|Truncated File Read:UserWarning")
def test_a_truncated_file_is_named(tmp_path, name, kept):
    whole = tmp_path / f"whole_{name}"
    if name.startswith("d"):
        compression = "zlib" if name == "deflate.tif" else None
        deep = RGB.astype(np.uint16) * 257
        tifffile.imwrite(whole, deep, photometric="rgb", compression=compression)
    else:
        Image.fromarray(GREY).save(whole)
    content = whole.read_bytes()
    (tmp_path / f"cut_{name}").write_bytes(content[: int(len(content) * kept)])
    images = load_images(tmp_path)
    assert images[1].shape[:2] == (40, 50)  # the whole one
    with pytest.raises(ImageReadError, match=f"cut_{name} cannot be read as an image") as caught:
        images[0]
    assert isinstance(caught.value, OSError)


def test_other_content_under_an_image_name(tmp_path):
    (tmp_path / "page.png").write_text("<html>Not found</html>")
    with pytest.raises(ImageReadError, match=r"page\.png cannot be read"):
        read(tmp_path / "page.png")
    # A format that load_images does not promise, although Pillow knows it.
    Image.fromarray(GREY).save(tmp_path / "gif.png", format="GIF")
    with pytest.raises(ImageReadError, match=r"gif\.png cannot be read"):
        read(tmp_path / "gif.png")


def test_a_file_that_has_gone(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    images = load_images(tmp_path)
    (tmp_path / "a.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.png"):
        images[0]


def test_dicom_without_pydicom(tmp_path, monkeypatch):
    real_import = builtins.__import__

    def without_pydicom(name, *args, **kwargs):
        if name.split(".")[0] == "pydicom":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    (tmp_path / "scan.dcm").write_bytes(b"")
    monkeypatch.setattr(builtins, "__import__", without_pydicom)
    with pytest.raises(ImportError, match=r'pip install "gan-isi\[dicom\]"'):
        load_images(tmp_path)
