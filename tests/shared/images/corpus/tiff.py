"""TIFF files: depths, compressions, strips and tiles, planes, photometrics, predictors, byte orders."""

import struct
from io import BytesIO

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, TiffImagePlugin

from scene import HEIGHT, WIDTH, grey_image, pixels, rgb_image, saved, scene, xmp

ARRANGEMENTS = {
    "one": {},
    "strips": {"rowsperstrip": 16},
    "tiles": {"tile": (32, 32)},
}
COMPRESSIONS = ["none", "lzw", "deflate", "packbits", "zstd", "lzma", "webp", "jpeg"]


def tiff(samples, bigtiff=False, byteorder="<", **options):
    out = BytesIO()
    with tifffile.TiffWriter(out, bigtiff=bigtiff, byteorder=byteorder) as writer:
        writer.write(samples, metadata=None, software=False, **{"photometric": "rgb" if samples.ndim == 3 else "minisblack", **options})
    return out.getvalue()


def tiff_files():
    rgb, grey = scene(), np.asarray(grey_image())
    for arrangement, place in ARRANGEMENTS.items():
        for compression in COMPRESSIONS:
            kind = f"TIFF {compression}"
            how = {**place, "compression": None if compression == "none" else compression}
            if compression == "webp":
                how["compressionargs"] = {"level": 100}
            if compression == "jpeg":
                how["compressionargs"] = {"level": 95}
            yield f"tiff-rgb-{compression}-{arrangement}", kind, tiff(rgb, **how), rgb
            how.pop("compressionargs", None)
            if compression != "webp":
                yield f"tiff-grey-{compression}-{arrangement}", kind, tiff(grey, **how), grey
                planes = np.moveaxis(rgb, -1, 0).copy()
                yield f"tiff-planar-{compression}-{arrangement}", f"{kind} planar", tiff(planes, planarconfig="separate", **how), rgb
            if compression in ("lzw", "deflate", "zstd"):
                yield f"tiff-predictor2-{compression}-{arrangement}", kind, tiff(rgb, predictor=2, **how), rgb
                floats = (grey / 255).astype(np.float32)
                yield f"tiff-predictor3-{compression}-{arrangement}", "TIFF float 32 bit", tiff(floats, predictor=3, **how), grey
                yield f"tiff-predictor2-16-{compression}-{arrangement}", "TIFF 16 bit", tiff(rgb.astype(np.uint16) * 257, predictor=2, **how), rgb
    yield from depths(rgb, grey)
    yield from photometrics(rgb, grey)
    yield from pillows(rgb)
    yield from old_jpeg(rgb)


def depths(rgb, grey):
    for order, name in (("<", "ii"), (">", "mm")):
        for big in (False, True):
            tail = f"{name}{'-big' if big else ''}"
            how = {"byteorder": order, "bigtiff": big}
            yield f"tiff-8-{tail}", "TIFF 8 bit", tiff(rgb, **how), rgb
            for samples, colour, shown in ((grey, "grey", grey), (rgb, "rgb", rgb)):
                yield f"tiff-16-{colour}-{tail}", "TIFF 16 bit", tiff(samples.astype(np.uint16) * 257, **how), shown
                for bits in (8, 10, 12, 14):
                    few = samples.astype(np.uint16) << (bits - 8)
                    yield f"tiff-16uses{bits}-{colour}-{tail}", f"TIFF 16 bit that uses {bits}", tiff(few, **how), shown
                wide = samples.astype(np.uint32)
                yield f"tiff-32-{colour}-{tail}", "TIFF 32 bit", tiff(wide * 16843009, **how), shown
                for bits in (8, 12, 16):
                    yield f"tiff-32uses{bits}-{colour}-{tail}", f"TIFF 32 bit that uses {bits}", tiff(wide << (bits - 8), **how), shown
                yield f"tiff-64-{colour}-{tail}", "TIFF 64 bit", tiff(samples.astype(np.uint64), **how), shown
                yield f"tiff-i8-{colour}-{tail}", "TIFF signed", tiff((samples // 2).astype(np.int8), **how), shown
                yield f"tiff-i16-{colour}-{tail}", "TIFF signed", tiff(samples.astype(np.int16) << 4, **how), shown
                yield f"tiff-i16full-{colour}-{tail}", "TIFF signed", tiff(samples.astype(np.int16) << 7, **how), shown
                yield f"tiff-i16negative-{colour}-{tail}", "TIFF signed", tiff((samples.astype(np.int32) * 257 - 32768).astype(np.int16), **how), shown
                yield f"tiff-i32-{colour}-{tail}", "TIFF signed", tiff(samples.astype(np.int32) << 4, **how), shown
                for kind in (np.float16, np.float32, np.float64):
                    bits = np.dtype(kind).itemsize * 8
                    yield f"tiff-f{bits}-unit-{colour}-{tail}", f"TIFF float {bits} bit", tiff((samples / 255).astype(kind), **how), shown
                    yield f"tiff-f{bits}-255-{colour}-{tail}", f"TIFF float {bits} bit", tiff(samples.astype(kind), **how), shown
                    if bits > 16:
                        yield f"tiff-f{bits}-65535-{colour}-{tail}", f"TIFF float {bits} bit", tiff(samples.astype(kind) * 257, **how), shown
    yield "tiff-complex", "TIFF complex", tiff(grey.astype(np.complex64)), None
    for bits in (1, 2, 4, 6, 10, 12, 14):
        levels = grey.astype(np.uint16) >> (8 - bits) if bits < 8 else grey.astype(np.uint16) << (bits - 8)
        top = 2**bits - 1
        shown = (levels.astype(int) * 255 // top).astype(np.uint8)
        data = b"".join(packed_row(row, bits) for row in levels)
        yield f"tiff-{bits}bit", f"TIFF {bits} bit", made(data, {258: bits}), shown
        yield f"tiff-{bits}bit-white", f"TIFF {bits} bit, white is 0", made(b"".join(packed_row(top - row, bits) for row in levels), {258: bits, 262: 0}), shown


def packed_row(row, bits):
    line = ((row[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8)
    return np.packbits(line.reshape(-1)).tobytes()


def made(data, tags, arrays=(), width=WIDTH, height=HEIGHT):
    """A TIFF of one strip, from its tags: for what no writer offers. Arrays are (tag, type, bytes, count)."""
    entries = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: None, 277: 1, 278: height, 279: len(data), **tags}
    blobs = {tag: (kind, blob, count) for tag, kind, blob, count in arrays}
    tail = b""
    start = 8 + 2 + 12 * len({**entries, **blobs}) + 4
    directory = b""
    places = {}
    for tag, (_, blob, _) in blobs.items():
        places[tag] = start + len(tail)
        tail += blob + b"\0" * (len(blob) % 2)
    entries[273] = start + len(tail) if entries[273] is None else entries[273]
    for tag in sorted({**entries, **blobs}):
        if tag in blobs:
            kind, blob, count = blobs[tag]
            inline = blob.ljust(4, b"\0") if len(blob) <= 4 else struct.pack("<I", places[tag])
            directory += struct.pack("<HHI", tag, kind, count) + inline
        else:
            directory += struct.pack("<HHII", tag, 4, 1, entries[tag])
    return b"II*\0" + struct.pack("<IH", 8, len(directory) // 12) + directory + bytes(4) + tail + data


def shorts(*values):
    return struct.pack(f"<{len(values)}H", *values)


def photometrics(rgb, grey):
    yield "tiff-white", "TIFF white is 0", tiff(255 - grey, photometric="miniswhite"), grey
    yield "tiff-white16", "TIFF white is 0, 16 bit", tiff(65535 - grey.astype(np.uint16) * 257, photometric="miniswhite"), grey
    image = rgb_image().quantize(200)
    palette = np.zeros((3, 256), np.uint16)
    colours = np.array(image.getpalette(), np.uint16).reshape(-1, 3)
    palette[:, : len(colours)] = colours.T * 257
    for name, how in (("", {}), ("-lzw", {"compression": "lzw", "rowsperstrip": 10}), ("-tiles", {"tile": (32, 32), "compression": "deflate"})):
        yield f"tiff-palette{name}", "TIFF palette", tiff(np.asarray(image), photometric="palette", colormap=palette, **how), pixels(image)
    small = palette >> 8
    yield "tiff-palette-8bit-colours", "TIFF palette of 8-bit colours", tiff(np.asarray(image), photometric="palette", colormap=small), pixels(image)
    for bits in (1, 2, 4):
        few = rgb_image().quantize(2**bits)
        table = np.zeros((3, 2**bits), np.uint16)
        listed = np.array(few.getpalette()[: 3 * 2**bits], np.uint16).reshape(-1, 3)
        table[:, : len(listed)] = listed.T * 257
        data = b"".join(packed_row(row.astype(np.uint16), bits) for row in np.asarray(few))
        yield f"tiff-palette{bits}", "TIFF palette", made(data, {258: bits, 262: 3}, [(320, 3, table.tobytes(), 3 * 2**bits)]), pixels(few)
    yield "tiff-cmyk", "TIFF CMYK", saved(rgb_image().convert("CMYK"), "TIFF"), rgb
    yield "tiff-cmyk-lzw", "TIFF CMYK", saved(rgb_image().convert("CMYK"), "TIFF", compression="tiff_lzw"), rgb
    cmyk16 = np.asarray(rgb_image().convert("CMYK")).astype(np.uint16) * 257
    yield "tiff-cmyk16", "TIFF CMYK 16 bit", tiff(cmyk16, photometric="separated"), rgb
    lab = lab_of(rgb)
    yield "tiff-lab", "TIFF Lab", made(lab.tobytes(), {262: 8, 277: 3}, [(258, 3, shorts(8, 8, 8), 3)]), rgb
    ycc = np.asarray(rgb_image().convert("YCbCr"))
    yield "tiff-ycbcr", "TIFF YCbCr", made(ycc.tobytes(), {262: 6, 277: 3}, [(258, 3, shorts(8, 8, 8), 3), (530, 3, shorts(1, 1), 2)]), rgb
    for extra, name in ((1, "associated"), (2, "unassociated"), (0, "unspecified")):
        for compression in (None, "lzw"):
            alpha = np.full(grey.shape + (1,), 255, np.uint8)
            alpha[: HEIGHT // 2] = 128
            colour = (rgb.astype(int) * alpha // 255).astype(np.uint8) if extra == 1 else rgb
            data = tiff(np.concatenate([colour, alpha], 2), extrasamples=[extra], compression=compression, rowsperstrip=12)
            yield f"tiff-rgba-{name}-{compression or 'none'}", f"TIFF alpha {name}", data, rgb
            greys = (grey.astype(int) * alpha[..., 0] // 255).astype(np.uint8) if extra == 1 else grey
            data = tiff(np.stack([greys, alpha[..., 0]], 2), photometric="minisblack", extrasamples=[extra], compression=compression, planarconfig="contig")
            yield f"tiff-la-{name}-{compression or 'none'}", f"TIFF alpha {name}", data, grey
    five = np.concatenate([rgb, rgb[..., :2]], 2)
    yield "tiff-5-channels", "TIFF of more channels", tiff(five, extrasamples=[0, 0]), rgb
    yield "tiff-2-channels", "TIFF of more channels", tiff(np.stack([grey, grey], 2), photometric="minisblack", planarconfig="contig", extrasamples=[0]), grey


def lab_of(rgb):
    """CIE L*a*b* (D50) as Photoshop stores it: L of 0 to 255, a and b signed."""
    from PIL import ImageCms

    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = np.asarray(ImageCms.applyTransform(Image.fromarray(rgb), transform)).astype(int)
    lab[..., 1:] = (lab[..., 1:] - 128) % 256
    return lab.astype(np.uint8)


def pillows(rgb):
    one = rgb_image().convert("1")
    for compression in ("group3", "group4", "tiff_ccitt", "packbits", "tiff_lzw", "tiff_deflate", "raw"):
        for fill in (1,) if compression == "raw" else (1, 2):  # Pillow writes raw bits in one order only
            info = TiffImagePlugin.ImageFileDirectory_v2()
            info[266] = fill
            info[278] = 13
            yield f"tiff-1-{compression}-{fill}", f"TIFF 1 bit {compression}", saved(one, "TIFF", compression=compression, tiffinfo=info), pixels(one)
    for compression in ("jpeg", "tiff_adobe_deflate", "tiff_lzw", "packbits", "zstd", "webp", "lzma"):
        try:
            yield f"tiff-pillow-{compression}", f"TIFF {compression}", saved(rgb_image(), "TIFF", compression=compression, quality=95), rgb
        except (OSError, ValueError, KeyError):
            continue
    data = saved(rgb_image().convert("YCbCr"), "TIFF", compression="jpeg", quality=95)
    yield "tiff-jpeg-ycbcr", "TIFF jpeg", data, rgb
    pages = [rgb_image().rotate(180)]
    yield "tiff-pages", "TIFF of several pages", saved(rgb_image(), "TIFF", save_all=True, append_images=pages), rgb
    yield "tiff-pages-lzw", "TIFF of several pages", saved(rgb_image(), "TIFF", save_all=True, append_images=pages, compression="tiff_lzw"), rgb
    for orientation in range(1, 9):
        info = TiffImagePlugin.ImageFileDirectory_v2()
        info[274] = orientation
        for compression in ("raw", "tiff_lzw"):
            data = saved(rgb_image(), "TIFF", compression=compression, tiffinfo=info)
            yield f"tiff-orientation{orientation}-{compression}", "TIFF with orientation", data, orientation
        packet = xmp(orientation)
        yield f"tiff-xmp{orientation}", "TIFF with XMP orientation", tiff(rgb, extratags=[(700, 1, len(packet), packet, True)]), orientation
    for size in ((1, 1), (1, 40), (40, 1)):
        small = scene(*size)
        for compression in (None, "lzw", "deflate"):
            yield f"tiff-{size[0]}x{size[1]}-{compression}", "TIFF small", tiff(small, compression=compression), small
    yield "tiff-tail", "TIFF with bytes behind its end", tiff(rgb, compression="lzw") + b"x" * 99, rgb
    yield "tiff-private-tag", "TIFF with private tags", tiff(rgb, extratags=[(65001, 2, 5, "hello", True), (50838, 4, 2, (12, 4), True)]), rgb
    yield "tiff-no-byte-counts", "TIFF without byte counts", without_tag(made(grey_bytes(), {}), 279), np.asarray(grey_image())
    yield "tiff-no-extra-samples", "TIFF without extra samples", without_tag(tiff(np.dstack([rgb, rgb[..., 0]]), extrasamples=[0]), 338), rgb
    yield "tiff-no-extra-samples-lzw-tiles", "TIFF without extra samples", without_tag(tiff(np.dstack([rgb, rgb[..., 0]]), extrasamples=[0], compression="lzw", tile=(32, 32)), 338), rgb
    yield "tiff-unsorted", "TIFF with unsorted tags", unsorted(tiff(rgb, compression="lzw")), rgb
    ycc = saved(rgb_image().convert("YCbCr"), "TIFF", compression="jpeg", quality=95)
    yield "tiff-jpeg-no-subsampling", "TIFF jpeg", without_tag(tiff(rgb, compression="jpeg", compressionargs={"level": 95}, subsampling=(1, 1)), 530), rgb
    yield "tiff-jpeg-wrong-subsampling", "TIFF jpeg", without_tag(ycc, 530), rgb
    yield "tiff-raw-dng", "raw camera file", tiff(rgb, extratags=[(50706, 1, 4, bytes([1, 4, 0, 0]), True)]), None
    yield "tiff-raw-thumbnail", "raw camera file", thumbnail_first(rgb), None
    yield "tiff-pyramid", "TIFF with a smaller copy", thumbnail_first(rgb, is_raw=False), rgb
    yield "tiff-jpeg2000", "TIFF jpeg2000", tiff(rgb, compression="jpeg2000"), rgb


def grey_bytes():
    return np.asarray(grey_image()).tobytes()


def thumbnail_first(rgb, is_raw=True):
    """As raw camera files have it: the picture lies in a directory below that of its thumbnail."""
    out = BytesIO()
    small = rgb[::4, ::4].copy()
    with tifffile.TiffWriter(out) as writer:
        how = {"metadata": None, "software": False, "photometric": "rgb"}
        writer.write(small if is_raw else rgb, subfiletype=int(is_raw), subifds=1, **how)
        writer.write(rgb if is_raw else small, subfiletype=int(not is_raw), **how)
    return out.getvalue()


def directory(data):
    """Where the entries begin, and how many there are."""
    at = struct.unpack_from("<I", data, 4)[0]
    return at + 2, struct.unpack_from("<H", data, at)[0]


def without_tag(data, tag):
    """The tag becomes a private one, which leaves the directory unsorted too."""
    start, count = directory(data)
    for at in range(start, start + 12 * count, 12):
        if struct.unpack_from("<H", data, at)[0] == tag:
            return data[:at] + struct.pack("<HHI4s", 65000, 2, 4, b"abc\0") + data[at + 12 :]
    raise KeyError(tag)


def unsorted(data):
    start, count = directory(data)
    entries = [data[at : at + 12] for at in range(start, start + 12 * count, 12)]
    return data[:start] + b"".join(reversed(entries)) + data[start + 12 * count :]


def old_jpeg(rgb):
    """Compression 6: a whole JPEG in the file; strips or tiles point into it, or are each a JPEG."""
    whole = imagecodecs.jpeg8_encode(rgb, 95, subsampling="444")
    ycc = [(258, 3, shorts(8, 8, 8), 3), (530, 3, shorts(1, 1), 2)]
    scan = whole.find(b"\xff\xda")
    header = scan + 2 + struct.unpack_from(">H", whole, scan + 2)[0]
    base = made(whole, {259: 6, 262: 6, 277: 3, 513: 0, 514: len(whole), 273: 0}, ycc)
    start = len(base) - len(whole)
    tags = {259: 6, 262: 6, 277: 3, 513: start, 514: len(whole), 273: start + header, 279: len(whole) - header}
    yield "tiff-old-jpeg", "TIFF old JPEG", made(whole, tags, ycc), rgb
    yield "tiff-old-jpeg-no-interchange", "TIFF old JPEG", made(whole, {259: 6, 262: 6, 277: 3, 512: 1}, ycc), rgb
    tiles = []
    padded = np.pad(rgb, ((0, max(0, 64 - HEIGHT)), (0, max(0, 96 - WIDTH)), (0, 0)), mode="edge")
    for top in range(0, 64, 32):
        for left in range(0, 96, 32):
            tiles.append(imagecodecs.jpeg8_encode(padded[top : top + 32, left : left + 32].copy(), 95, subsampling="444"))
    sizes = [len(tile) for tile in tiles]

    def tiled(start):
        places = [start + sum(sizes[:i]) for i in range(len(tiles))]
        arrays = [*ycc, (324, 4, struct.pack("<6I", *places), 6), (325, 4, struct.pack("<6I", *sizes), 6)]
        tags = {259: 6, 262: 6, 277: 3, 322: 32, 323: 32}
        return made(b"".join(tiles), tags, arrays)

    first = tiled(0)
    yield "tiff-old-jpeg-tiles", "TIFF old JPEG", tiled(len(first) - sum(sizes)), rgb
