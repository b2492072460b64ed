"""Every format against files written here by hand, or without loss: exact, or refused in words."""

import io
import os
import pickle
import socket
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin, features

from gan_isi.datasets import ImageFiles, ImageReadError, load_images

rng = np.random.default_rng(1)
GREY = rng.integers(0, 256, (6, 9), dtype=np.uint8)
RGB = rng.integers(0, 256, (6, 9, 3), dtype=np.uint8)


def read(path, **options):
    return load_images([path], **options)[0]


def assert_same(image, expected):
    assert image.dtype == expected.dtype.newbyteorder("=")
    assert image.dtype.isnative
    np.testing.assert_array_equal(image, expected)


def tiff(
    pixels, *, order="<", photometric=1, planar=1, extra=(), orientation=1, deflate=False, size=None
):
    """One page in one strip (or one a plane), written tag by tag."""
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    height, width, n = pixels.shape
    data = pixels.astype(pixels.dtype.newbyteorder(order))
    strips = [data[..., i].tobytes() for i in range(n)] if planar == 2 else [data.tobytes()]
    strips = [zlib.compress(strip) for strip in strips] if deflate else strips
    kind = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    height, width = size or (height, width)
    tags = {
        256: [width], 257: [height], 258: [8 * data.itemsize] * n, 259: [8 if deflate else 1],
        262: [photometric], 273: [0] * len(strips), 274: [orientation], 277: [n], 278: [height],
        279: [len(strip) for strip in strips], 284: [planar], 339: [kind] * n,
    }  # fmt: skip
    if extra:
        tags[338] = list(extra)
    long = {256, 257, 273, 278, 279}
    behind = 8 + 2 + 12 * len(tags) + 4
    sizes = {tag: len(v) * (4 if tag in long else 2) for tag, v in tags.items()}
    first = behind + sum(size for size in sizes.values() if size > 4)
    ends = np.cumsum([first, *map(len, strips)])
    tags[273] = [int(end) for end in ends[:-1]]
    out = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, len(tags))
    beyond = b""
    for tag in sorted(tags):
        code = "I" if tag in long else "H"
        values = struct.pack(order + code * len(tags[tag]), *tags[tag])
        out += struct.pack(f"{order}HHI", tag, 4 if tag in long else 3, len(tags[tag]))
        if len(values) > 4:
            out += struct.pack(f"{order}I", behind + len(beyond))
            beyond += values
        else:
            out += values.ljust(4, b"\0")
    return out + b"\0\0\0\0" + beyond + b"".join(strips)


def png(pixels, colour_type, bits):
    """Rows of big-endian samples, each with filter byte 0."""

    def chunk(kind, data):
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(f">u{bits // 8}").tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def encoded(pixels, kind, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


class TestTiff:
    @pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "f2", "f4", "f8"])
    @pytest.mark.parametrize("planar", [1, 2])
    @pytest.mark.parametrize("deflate", [False, True])
    def test_what_is_read_is_what_was_written(self, tmp_path, dtype, planar, deflate):
        path = tmp_path / "a.tif"
        for order in "<>":
            for shape, photometric, extra in (
                ((6, 9), 1, ()), ((6, 9, 3), 2, ()), ((6, 9, 4), 2, (2,)), ((6, 9, 2), 1, (2,)),
            ):  # fmt: skip
                pixels = rng.integers(-100 if dtype[0] == "i" else 0, 100, shape).astype(dtype)
                how = {"planar": planar, "deflate": deflate, "extra": extra}
                path.write_bytes(tiff(pixels, order=order, photometric=photometric, **how))
                assert_same(read(path), pixels)

    @pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
    @pytest.mark.parametrize("planar", [1, 2])
    @pytest.mark.parametrize(
        ("n", "photometric", "extra"),
        [
            (4, 2, (0,)), (4, 2, ()), (2, 1, (0,)), (2, 1, ()), (3, 1, ()), (4, 1, (0, 0, 0)),
            (5, 2, (0, 2)), (3, 1, (0, 0)), (4, 1, ()),
        ],
    )  # fmt: skip
    def test_channels_without_a_name_are_refused_at_all_depths(
        self, tmp_path, dtype, planar, n, photometric, extra
    ):
        pixels = rng.integers(0, 99, (6, 9, n)).astype(dtype)
        (tmp_path / "a.tif").write_bytes(
            tiff(pixels, photometric=photometric, extra=extra, planar=planar)
        )
        with pytest.raises(ImageReadError, match=r"a\.tif has \d channels in the photometric"):
            read(tmp_path / "a.tif")

    @pytest.mark.parametrize("dtype", ["u1", "u2"])
    def test_colours_times_alpha_are_divided(self, tmp_path, dtype):
        white = np.iinfo(dtype).max
        straight = np.array([[[white, 0, white // 3], [white, white, white]]], dtype)
        alpha = np.array([[[white // 3], [0]]], dtype)
        times = (straight.astype(float) * alpha / white).astype(dtype)
        pixels = np.concatenate([times, alpha], axis=2)
        (tmp_path / "a.tif").write_bytes(tiff(pixels, photometric=2, extra=(1,)))
        image = read(tmp_path / "a.tif")
        np.testing.assert_allclose(image[0, 0, :3], straight[0, 0], atol=2)
        assert_same(image[..., 3:], alpha)

    @pytest.mark.parametrize("deflate", [False, True])
    @pytest.mark.parametrize("tag", [273, 279])
    def test_parts_without_data_are_no_zeros(self, tmp_path, deflate, tag):
        content = tiff(GREY, deflate=deflate)
        at = content.find(struct.pack("<HHI", tag, 4, 1)) + 8
        (tmp_path / "a.tif").write_bytes(content[:at] + bytes(4) + content[at + 4 :])
        with pytest.raises(ImageReadError, match="a part of it has no data"):
            read(tmp_path / "a.tif")

    def test_deep_inks_are_refused(self, tmp_path):
        pixels = rng.integers(0, 2**16, (6, 9, 4)).astype(np.uint16)
        (tmp_path / "a.tif").write_bytes(tiff(pixels, photometric=5))
        with pytest.raises(ImageReadError, match=r"\[16\] bits a channel .* SEPARATED"):
            read(tmp_path / "a.tif")


def turned(pixels, orientation):
    """The definition of the tag: which side of the picture the stored rows and columns begin at."""
    top_left = {1: "TL", 2: "TR", 3: "BR", 4: "BL", 5: "LT", 6: "RT", 7: "RB", 8: "LB"}[orientation]
    height, width = pixels.shape[:2]
    shape = (height, width) if top_left[0] in "TB" else (width, height)
    out = np.empty(shape + pixels.shape[2:], pixels.dtype)
    for row in range(height):
        for column in range(width):
            at = {"T": row, "B": shape[0] - 1 - row, "L": row, "R": shape[1] - 1 - row}
            of = {"L": column, "R": shape[1] - 1 - column, "T": column, "B": shape[0] - 1 - column}
            if top_left[0] in "TB":
                out[at[top_left[0]], of[top_left[1]]] = pixels[row, column]
            else:
                out[of[top_left[1]], at[top_left[0]]] = pixels[row, column]
    return out


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_by_all_readers_or_by_none(tmp_path, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    deep = GREY.astype(np.uint16) * 257
    lzw = TiffImagePlugin.ImageFileDirectory_v2()
    lzw[274] = orientation
    files = {
        "grey.tif": (GREY, tiff(GREY, orientation=orientation)),
        "deep.tif": (deep, tiff(deep, orientation=orientation)),
        "rgb.tif": (RGB, tiff(RGB, photometric=2, orientation=orientation)),
        "lzw.tif": (GREY, encoded(GREY, "TIFF", compression="tiff_lzw", tiffinfo=lzw)),
        "a.png": (RGB, encoded(RGB, "PNG", exif=exif)),
        "a.webp": (RGB, encoded(RGB, "WEBP", lossless=True, exif=exif)),
    }
    for name, (pixels, content) in files.items():
        (tmp_path / name).write_bytes(content)
        assert_same(read(tmp_path / name), pixels)
        assert_same(read(tmp_path / name, exif_transpose=True), turned(pixels, orientation))
        assert load_images([tmp_path / name]).is_turned(0) == (orientation != 1)
        assert not load_images([tmp_path / name], exif_transpose=True).is_turned(0)
    flat = np.full((6, 9), 7, np.uint8)
    (tmp_path / "a.jpg").write_bytes(encoded(flat, "JPEG", exif=exif))
    assert read(tmp_path / "a.jpg").shape == (6, 9)
    assert read(tmp_path / "a.jpg", exif_transpose=True).shape == turned(flat, orientation).shape


FILES = {
    "PNG": encoded(GREY, "PNG"), "BMP": encoded(RGB, "BMP"), "TIFF": tiff(GREY),
    "WEBP": encoded(RGB, "WEBP", lossless=True), "NPY": npy(GREY), "DEEP": png(GREY, 0, 16),
    "JPEG2000": encoded(GREY, "JPEG2000"),
    "J16": encoded(GREY.astype(np.uint16) * 200, "JPEG2000"),
}  # fmt: skip
STORED = {"BMP": RGB, "WEBP": RGB, "DEEP": GREY.astype(np.uint16)}
STORED["J16"] = GREY.astype(np.uint16) * 200


@pytest.mark.parametrize("suffix", ["", ".png", ".jpg", ".tif", ".dcm", ".npz", ".xyz"])
@pytest.mark.parametrize("kind", FILES)
def test_content_decides_what_a_file_is(tmp_path, kind, suffix):
    (tmp_path / f"a{suffix}").write_bytes(FILES[kind])
    images = load_images(tmp_path)
    assert images.names == (f"a{suffix}",)
    assert_same(images[0], STORED.get(kind, GREY))
    assert_same(read(tmp_path / f"a{suffix}"), STORED.get(kind, GREY))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ""])
def test_deep_colours_are_refused_under_any_name(tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_bytes(png(RGB, 2, 16))
    with pytest.raises(ImageReadError, match="PNG of 16 bits a channel in RGB"):
        read(tmp_path / f"a{suffix}")


def test_jpeg_2000_of_other_depths_is_refused(tmp_path):
    content = bytearray(encoded(GREY.astype(np.uint16), "JPEG2000"))
    at = content.find(b"\xff\x4f\xff\x51") + 42
    for depth, said in ((12, "12"), (0x80 | 8, "136")):
        content[at] = depth - 1
        (tmp_path / "a.jp2").write_bytes(content)
        with pytest.raises(ImageReadError, match=rf"1 components of \[{said}\] bits"):
            read(tmp_path / "a.jp2")


def test_one_limit_for_all_readers(tmp_path):
    for kind, content in FILES.items():
        (tmp_path / kind).write_bytes(content)
        assert read(tmp_path / kind, max_pixels=54).shape[:2] == (6, 9)
        with pytest.raises(ImageReadError, match=r"6 x 9 pixels.*max_pixels=53.*--max-pixels"):
            read(tmp_path / kind, max_pixels=53)
    np.save(tmp_path / "stack.npy", np.stack([GREY] * 7))
    np.savez_compressed(tmp_path / "stack.npz", a=np.stack([GREY] * 7), b=GREY)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", FILES["PNG"])
    for name in ("stack.npy", "stack.npz", "a.zip"):
        assert load_images(tmp_path / name, max_pixels=54)[-1].shape == (6, 9)
        with pytest.raises(ImageReadError, match="max_pixels=53"):
            load_images(tmp_path / name, max_pixels=53)[-1]


@pytest.mark.parametrize(
    "kind", ["u1", "u2", "u4", "f4", "f8", "deflate", "npy", "npz", "webp", "zip"]
)
def test_a_small_file_does_not_ask_for_much_memory(tmp_path, kind):
    side = 40_000
    dot = np.zeros((1, 1), kind if kind[1:].isdigit() else "u1")
    header = npy(dot).replace(b"(1, 1), }", b"(40000, 40000), }")[:128]
    header = header[:118] + b"          "[: 118 - len(header)] if len(header) < 118 else header
    content = {
        "npy": header,
        "webp": b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + 2 * (side - 1).to_bytes(3, "little"),
        "deflate": tiff(np.zeros((1, 1), np.uint8), deflate=True, size=(side, side)),
    }.get(kind, tiff(dot, size=(side, side)))
    if kind == "npz":
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("a.npy", header)
        with pytest.raises(ImageReadError, match="max_pixels"):
            load_images(tmp_path / "a.npz")[0]
        return
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.bmp", FILES["BMP"] + bytes(10**6))
        with pytest.raises(ImageReadError, match=r"1000\d+ bytes, more than 8 for each of max_pix"):
            load_images(tmp_path / "a.zip", max_pixels=100)[0]
        return
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ImageReadError, match="40000 x 40000 pixels, more than max_pixels"):
        read(tmp_path / "a")


def test_deflated_data_beyond_the_pixels_are_not_inflated(tmp_path):
    content = tiff(np.zeros((400, 400), np.uint8), deflate=True)
    small = content.replace(
        struct.pack("<HHII", 256, 4, 1, 400), struct.pack("<HHII", 256, 4, 1, 4)
    )
    (tmp_path / "a.tif").write_bytes(small)
    with pytest.raises(ImageReadError, match="more data than its pixels need"):
        read(tmp_path / "a.tif", max_pixels=1600)


class TestArchives:
    @pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_zip_as_training_tools_write_it(self, tmp_path, compression):
        pixels = [rng.integers(0, 256, (4, 4, 3), dtype=np.uint8) for _ in range(12)]
        path = tmp_path / "set.zip"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for i in reversed(range(12)):
                name = f"{i // 10:05d}/img{i:08d}.png"
                archive.writestr(name, encoded(pixels[i], "PNG"))
            archive.writestr("dataset.json", '{"labels": null}')
            archive.writestr("__MACOSX/._img.png", b"x")
            archive.writestr("00000/film.gif", b"GIF89a")
        with pytest.warns(UserWarning, match=r"1 not read \(GIF\)"):
            images = load_images(path)
        assert images.passed_over == {"no images (.json)": 1, "hidden": 1, "not read (GIF)": 1}
        assert len(images) == 12
        assert images.paths[11] == path / "00001/img00000011.png"
        assert images.names[0] == "00000/img00000000.png"
        for some in (images, pickle.loads(pickle.dumps(images)), ImageFiles(images.paths)):
            for i in (0, 5, 11):
                assert_same(some[i], pixels[i])
        part = images[[3, 1]]
        assert part.names == ("00000/img00000003.png", "00000/img00000001.png")
        assert_same(read(path / "00000/img00000004.png"), pixels[4])
        with pytest.raises(FileNotFoundError):
            read(path / "00000/nothing.png")
        path.unlink()
        with pytest.raises(FileNotFoundError):
            images[0]

    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    @pytest.mark.parametrize("order", ["C", "F"])
    @pytest.mark.parametrize("dtype", ["u1", ">u2", "f4"])
    def test_npz(self, tmp_path, save, order, dtype):
        stack = np.asarray(rng.integers(0, 200, (11, 5, 7, 3)), dtype, order=order)
        one = np.asarray(rng.integers(0, 200, (3, 6, 8)), dtype, order=order)  # channels first
        table, labels = rng.random((9, 9)), np.arange(11)
        save(tmp_path / "s.npz", arr_0=stack, mu=table, one=one[:1], labels=labels, t=np.array("a"))
        images = load_images(tmp_path)
        assert images.passed_over == {"no images (arrays)": 3}
        assert images.names[:2] == ("s.npz/arr_0/0000", "s.npz/arr_0/0001")
        assert len(images) == 12
        for i in range(11):
            assert_same(images[i], stack[i])
        assert_same(pickle.loads(pickle.dumps(images))[11], one[0])

    def test_npy(self, tmp_path):
        stack = rng.integers(0, 200, (4, 3, 6, 7))
        np.save(tmp_path / "first.npy", stack)
        np.save(tmp_path / "one.npy", GREY)
        images = load_images(tmp_path)
        assert images.names == (*(f"first.npy/000{i}" for i in range(4)), "one.npy")
        assert_same(images[2], np.moveaxis(stack[2], 0, -1))
        assert_same(images[4], GREY)
        np.save(tmp_path / "either.npy", np.zeros((3, 8, 8)))
        with pytest.raises(ImageReadError, match="may be 3 images or 3 channels"):
            load_images(tmp_path)
        np.save(tmp_path / "either.npy", np.array([None, "a"], dtype=object), allow_pickle=True)
        with pytest.raises(ImageReadError, match=r"either\.npy cannot be read: its values are obj"):
            load_images(tmp_path)

    def test_arrays_beside_images_are_no_images(self, tmp_path):
        (tmp_path / "c.png").write_bytes(FILES["PNG"])
        np.savez(tmp_path / "fid.npz", mu=np.zeros(9), sigma=np.zeros((9, 9)))
        np.save(tmp_path / "labels.npy", np.zeros((9, 2)))
        with pytest.warns(UserWarning, match="2 arrays beside images"):
            assert load_images(tmp_path).names == ("c.png",)
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            for path in [*tmp_path.glob("*.n*"), tmp_path / "c.png"]:
                archive.write(path, path.name)
                path.unlink()
        with pytest.warns(UserWarning, match="1 archives within archives, 1 arrays beside"):
            assert load_images(tmp_path).names == ("a.zip/c.png",)

    def test_archives_beside_images_are_counted(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("b.png", FILES["PNG"])
        assert load_images(tmp_path).names == ("a.zip/b.png",)
        (tmp_path / "c.png").write_bytes(FILES["PNG"])
        with pytest.warns(UserWarning, match="1 archives beside images"):
            assert load_images(tmp_path).names == ("c.png",)

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_damaged_and_hostile(self, tmp_path):
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("../b.png", FILES["PNG"])
            archive.writestr("/etc/c.png", FILES["PNG"])
        images = load_images(path)
        assert images.names == ("../b.png", "etc/c.png")
        assert_same(images[0], GREY)
        assert_same(images[1], GREY)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("../b.png", FILES["PNG"])
        with pytest.raises(ImageReadError, match=r"holds \.\./b\.png twice"):
            load_images(path)
        path.write_bytes(b"PK\x03\x04 and no more")
        with pytest.raises(ImageReadError, match=r"a\.zip cannot be read"):
            load_images(path)


class TestFolders:
    def test_documents_are_no_archives(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "labels.xlsx", "w") as archive:
            archive.writestr("sheet.xml", "")
        (tmp_path / "a.png").write_bytes(FILES["PNG"])
        assert load_images(tmp_path).passed_over == {"no images (.xlsx)": 1}

    def test_what_is_passed_over_is_counted(self, tmp_path):
        (tmp_path / "a.png").write_bytes(FILES["PNG"])
        (tmp_path / "film.gif").write_bytes(b"GIF89a")
        (tmp_path / "volume.nrrd").write_bytes(b"NRRD0004")
        (tmp_path / "raw").write_bytes(b"1234")
        (tmp_path / ".hidden.png").write_bytes(FILES["PNG"])
        (tmp_path / "notes.txt").write_bytes(b"1234")
        os.symlink(tmp_path / "nowhere", tmp_path / "dangling.png")
        os.mkfifo(tmp_path / "pipe.png")
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(tmp_path / "s.png"))
            with pytest.warns(UserWarning, match="8 files were passed over"):
                images = load_images(tmp_path)
        assert images.names == ("a.png",)
        assert images.passed_over == {
            "not read (GIF)": 1, "not read (NRRD)": 1, "not read (no suffix)": 1, "hidden": 1,
            "no images (.txt)": 1, "links that lead nowhere": 1,
            "no regular files (FIFO, socket, device)": 2,
        }  # fmt: skip
        assert images[:0].passed_over == images.passed_over
        for name in ("pipe.png", "s.png"):
            with pytest.raises(ImageReadError, match="a FIFO, a socket or a device"):
                load_images([tmp_path / name])
        with pytest.raises(ImageReadError, match="a FIFO, a socket or a device"):
            ImageFiles([tmp_path / "pipe.png"])[0]

    def test_a_file_that_fails_is_named(self, tmp_path):
        os.symlink("a.png", tmp_path / "a.png")
        with pytest.raises(ImageReadError, match=r"a\.png cannot be read: .*symbolic links"):
            load_images(tmp_path)

    def test_links_in_circles_end(self, tmp_path):
        (tmp_path / "p1").mkdir()
        (tmp_path / "p1" / "a.png").write_bytes(FILES["PNG"])
        os.symlink(tmp_path, tmp_path / "p1" / "up")
        assert load_images(tmp_path).names == ("p1/a.png",)

    def test_a_sum_keeps_names_and_counts(self, tmp_path):
        for name in ("x", "y"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "a.png").write_bytes(FILES["PNG"])
            (tmp_path / name / "a.txt").write_bytes(b"")
        x, y = (load_images(tmp_path / name, exif_transpose=True) for name in ("x", "y"))
        both = x + y
        assert both.paths == x.paths + y.paths
        assert both.passed_over == {"no images (.txt)": 2}
        assert both.exif_transpose
        with pytest.raises(TypeError):
            x + "a.png"


def test_pillow_has_what_is_promised():
    assert features.check("webp")
    assert features.check("jpg_2000")


class TestHDF5:
    @pytest.fixture
    def h5py(self):
        return pytest.importorskip("h5py", reason='needs the extra "hdf5"')

    def test_stacks_and_images_of_all_groups(self, h5py, tmp_path):
        rng = np.random.default_rng(0)
        stack = rng.integers(0, 2**16, size=(7, 6, 5)).astype(np.uint16)
        colour = rng.random((2, 6, 5, 3)).astype(np.float32)
        with h5py.File(tmp_path / "samples.h5", "w") as file:
            file["images"] = stack
            file.create_dataset("more/rgb", data=colour, compression="gzip", chunks=(1, 6, 5, 3))
            file["labels"] = np.arange(3)
            file["names"] = ["a", "b", "c"]
            file["elsewhere"] = h5py.ExternalLink("other.h5", "images")
        found = load_images(tmp_path / "samples.h5")
        assert [path.relative_to(tmp_path).as_posix() for path in found.paths] == [
            *(f"samples.h5/images/{i:04}" for i in range(7)),
            *(f"samples.h5/more/rgb/{i:04}" for i in range(2)),
        ]
        for image, expected in zip(found, [*stack, *colour], strict=True):
            np.testing.assert_array_equal(image, expected)
            assert image.dtype == expected.dtype
        assert found.passed_over == {"no images (arrays)": 2}
        with pytest.raises(OSError, match="max_pixels"):
            load_images(tmp_path / "samples.h5", max_pixels=20)[0]

    def test_values_in_another_file_are_not_read(self, h5py, tmp_path):
        np.arange(210, dtype=np.uint8).tofile(tmp_path / "raw.bin")
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset(
                "outside", (7, 6, 5), np.uint8, external=[(str(tmp_path / "raw.bin"), 0, 210)]
            )
            file["inside"] = np.zeros((7, 6, 5), np.uint8)
        assert len(load_images(tmp_path / "a.h5")) == 7
        with pytest.raises(OSError, match="lie in another file"):
            load_images([tmp_path / "a.h5" / "outside" / "0000"])[0]

    def test_a_damaged_one_is_named(self, h5py, tmp_path):
        (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
        with pytest.raises(OSError, match=r"a\.h5 cannot be read"):
            load_images(tmp_path)
