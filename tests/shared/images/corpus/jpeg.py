"""JPEG files: subsampling, colour spaces, progressions, restarts, orientations."""

import struct

import imagecodecs
import numpy as np
from PIL import Image

from scene import exif, grey_image, pixels, rgb_image, saved, scene, xmp


def segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def inserted(jpeg, *segments):
    """Segments right behind the start of a JPEG."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def jpeg(image=None, **options):
    return saved(image or rgb_image(), "JPEG", **{"quality": 95, **options})


def scans(data):
    """Offsets of the SOS markers."""
    found, at = [], 0
    while (at := data.find(b"\xff\xda", at)) >= 0:
        found.append(at)
        at += 2
    return found


def jpeg_files():
    rgb = scene()
    for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
        for progressive in (False, True):
            name = f"jpeg-{subsampling.replace(':', '')}{'-progressive' if progressive else ''}"
            yield name, "JPEG", jpeg(subsampling=subsampling, progressive=progressive), rgb
            yield f"{name}-q40", "JPEG", jpeg(subsampling=subsampling, progressive=progressive, quality=40), None
            yield f"{name}-restart", "JPEG", jpeg(subsampling=subsampling, progressive=progressive, restart_marker_blocks=3), rgb
    for subsampling in ("444", "422", "420", "411", "440"):
        try:
            data = imagecodecs.jpeg8_encode(rgb, 95, subsampling=subsampling)
        except ValueError:
            continue
        yield f"jpeg-turbo-{subsampling}", "JPEG", data, rgb
    yield "jpeg-optimized", "JPEG", jpeg(optimize=True), rgb
    yield "jpeg-restart-rows", "JPEG", jpeg(restart_marker_rows=1), rgb
    yield "jpeg-rgb", "JPEG stored as RGB", jpeg(keep_rgb=True), rgb
    for progressive in (False, True):
        yield f"jpeg-grey-{int(progressive)}", "JPEG grey", jpeg(grey_image(), progressive=progressive), pixels(grey_image())
        cmyk = rgb_image().convert("CMYK")
        yield f"jpeg-cmyk-{int(progressive)}", "JPEG CMYK", jpeg(cmyk, progressive=progressive), rgb
    black = np.asarray(rgb_image().convert("CMYK"))
    yield "jpeg-ycck", "JPEG CMYK", imagecodecs.jpeg8_encode(255 - black, 95, colorspace="CMYK", outcolorspace="YCCK"), rgb
    yield "jpeg-12bit", "JPEG 12 bit", imagecodecs.jpeg8_encode(rgb.astype(np.uint16) * 16, 95, bitspersample=12), rgb
    yield "jpeg-lossless", "JPEG lossless", imagecodecs.jpeg8_encode(rgb, lossless=True), rgb
    for size in ((1, 1), (1, 40), (40, 1), (8, 8), (17, 9)):
        small = Image.fromarray(scene(*size))
        yield f"jpeg-{size[0]}x{size[1]}", "JPEG small", jpeg(small, subsampling="4:2:0"), np.asarray(small)
    yield "jpeg-mpo", "JPEG with a second picture (MPO)", saved(rgb_image(), "MPO", save_all=True, append_images=[rgb_image().rotate(180)], quality=95), rgb
    yield from metadata(rgb)
    yield from odd(rgb)


def metadata(rgb):
    for orientation in range(0, 10):
        for order, name in (("<", "ii"), (">", "mm")):
            data = inserted(jpeg(), segment(0xE1, exif(orientation, order)))
            yield f"jpeg-exif{orientation}-{name}", "JPEG with EXIF orientation", data, orientation if 1 <= orientation <= 8 else 1
    for orientation in range(1, 9):
        for element in (False, True):
            packet = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(orientation, element))
            yield f"jpeg-xmp{orientation}-{int(element)}", "JPEG with XMP orientation", inserted(jpeg(), packet), orientation
    both = [segment(0xE1, exif(1)), segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(6))]
    yield "jpeg-exif1-xmp6", "JPEG with EXIF and XMP orientation", inserted(jpeg(), *both), 1
    both = [segment(0xE1, exif(6)), segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(3))]
    yield "jpeg-exif6-xmp3", "JPEG with EXIF and XMP orientation", inserted(jpeg(), *both), 6
    thumbnail = Image.new("RGB", (16, 12), "red")
    with_thumbnail = Image.Exif()
    with_thumbnail[274] = 6
    block = with_thumbnail.tobytes()
    yield "jpeg-exif-pillow", "JPEG with EXIF orientation", jpeg(exif=block), 6
    yield "jpeg-app-thumbnail", "JPEG with a thumbnail", inserted(jpeg(), segment(0xE3, saved(thumbnail, "JPEG"))), rgb
    yield "jpeg-comment", "JPEG with a comment", jpeg(comment=b"hello \xff\xd8\xff\xd9"), rgb
    yield "jpeg-broken-exif", "JPEG with broken EXIF", inserted(jpeg(), segment(0xE1, exif(6)[:20])), rgb
    yield "jpeg-icc-nonsense", "JPEG with a broken profile", inserted(jpeg(), segment(0xE2, b"ICC_PROFILE\0\1\1" + b"x" * 200)), rgb


def odd(rgb):
    """Whole, though not as the book says."""
    plain = jpeg()
    yield "jpeg-tail", "JPEG with bytes behind its end", plain + b"tail" * 50, rgb
    yield "jpeg-tail-zeros", "JPEG with bytes behind its end", plain + bytes(5000), rgb
    yield "jpeg-padding-before-end", "JPEG with bytes before its end", plain[:-2] + bytes(7) + plain[-2:], rgb
    yield "jpeg-fill-before-end", "JPEG with bytes before its end", plain[:-2] + b"\xff" * 5 + plain[-2:], rgb
    restarts = jpeg(restart_marker_blocks=4)
    yield "jpeg-restart-padding", "JPEG with bytes before its end", restarts[:-2] + b"\0\0" + restarts[-2:], rgb
    yield "jpeg-no-jfif", "JPEG without JFIF", plain[:2] + plain[20:], rgb
    yield "jpeg-no-end", "JPEG without its end marker", plain[:-2], rgb
    progressive = jpeg(progressive=True)
    places = scans(progressive)
    yield "jpeg-progressive-tail", "JPEG with bytes behind its end", progressive + b"x" * 99, rgb
    for i in range(1, len(places)):
        yield f"jpeg-progressive-scans{i}", "JPEG without its last scans", progressive[: places[i]] + b"\xff\xd9", rgb
    tall = bytearray(plain)
    frame = tall.find(b"\xff\xc0")
    struct.pack_into(">H", tall, frame + 5, 116)
    yield "jpeg-claims-more-rows", "JPEG with fewer rows than it says", bytes(tall), None
    junk = plain[:20] + b"\0\0\0" + plain[20:]
    yield "jpeg-junk-between-segments", "JPEG with bytes between segments", junk, rgb
    yield "jpeg-jfif-version", "JPEG of an unknown JFIF version", plain[:11] + b"\x09" + plain[12:], rgb
    adobe = segment(0xEE, b"Adobe" + bytes([0, 100, 0, 0, 0, 0, 9]))
    yield "jpeg-adobe-transform", "JPEG of an unknown Adobe transform", plain[:2] + adobe + plain[20:], rgb
    yield "jpeg-junk-exif6", "JPEG with bytes between segments", inserted(junk, segment(0xE1, exif(6))), 6
