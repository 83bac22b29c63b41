"""GIF, WebP, AVIF and BMP files."""

import struct

import imagecodecs
import numpy as np
from PIL import Image

from scene import HEIGHT, WIDTH, exif, grey_image, pixels, rgb_image, saved, scene, xmp


def gif_files():
    for colours in (2, 4, 16, 64, 256):
        image = rgb_image().quantize(colours)
        for interlace in (0, 1):
            yield f"gif-{colours}-{interlace}", "GIF", saved(image, "GIF", interlace=interlace), pixels(image)
    image = rgb_image().quantize(64)
    frames = [rgb_image().rotate(90 * i).quantize(64) for i in (1, 2)]
    yield "gif-animated", "GIF animated", saved(image, "GIF", save_all=True, append_images=frames, duration=50), pixels(image)
    for disposal in (0, 1, 2, 3):
        data = saved(image, "GIF", save_all=True, append_images=frames, duration=50, disposal=disposal)
        yield f"gif-animated-disposal{disposal}", "GIF animated", data, pixels(image)
    for index in (0, 5, 40):
        yield f"gif-transparent{index}", "GIF, transparent colours", saved(image, "GIF", transparency=index), pixels(image)
    rgba = rgb_image().convert("RGBA")
    rgba.putalpha(Image.fromarray(np.where(np.arange(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH) % 2, 255, 0).astype(np.uint8)))
    yield "gif-rgba", "GIF, transparent pixels", saved(rgba, "GIF"), None
    grey = grey_image()
    yield "gif-grey", "GIF", saved(grey, "GIF"), pixels(grey)
    yield "gif-87a", "GIF", b"GIF87a" + saved(image, "GIF")[6:], pixels(image)
    yield "gif-tail", "GIF with bytes behind its end", saved(image, "GIF") + b"x" * 50, pixels(image)
    yield "gif-no-trailer", "GIF without its end mark", saved(image, "GIF")[:-1], pixels(image)
    yield "gif-comment", "GIF", saved(image, "GIF", comment=b"hello"), pixels(image)
    for x, y in ((0, 0), (10, 4), (20, 30)):
        yield f"gif-offset-{x}-{y}", "GIF smaller than its canvas", offset_gif(image, x, y), None
    local = bytearray(saved(image, "GIF", interlace=0))
    yield "gif-local-palette", "GIF with a local palette", local_palette(bytes(local)), pixels(image)


def offset_gif(image, x, y):
    """The frame lies at x, y of a canvas that is larger."""
    data = bytearray(saved(image, "GIF", interlace=0))
    struct.pack_into("<HH", data, 6, WIDTH + 30, HEIGHT + 40)
    frame = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    while data[frame] == 0x21:
        frame += 2
        while data[frame]:
            frame += data[frame] + 1
        frame += 1
    struct.pack_into("<HH", data, frame + 1, x, y)
    return bytes(data)


def local_palette(data):
    """The global palette moved to the frame."""
    size = 3 * 2 ** ((data[10] & 7) + 1)
    palette = data[13 : 13 + size]
    head = data[:10] + bytes([data[10] & 0x70]) + data[11:13]
    frame = 13 + size
    while data[frame] == 0x21:
        start = frame
        frame += 2
        while data[frame]:
            frame += data[frame] + 1
        frame += 1
        head += data[start:frame]
    flags = data[frame + 9] | 0x80 | (data[10] & 7)
    return head + data[frame : frame + 9] + bytes([flags]) + palette + data[frame + 10 :]


def webp_files():
    image = rgb_image()
    for method in (0, 4, 6):
        yield f"webp-lossy-{method}", "WebP lossy", saved(image, "WEBP", quality=95, method=method), scene()
        yield f"webp-lossless-{method}", "WebP lossless", saved(image, "WEBP", lossless=True, method=method), scene()
    for value in (0, 1, 128, 255):
        rgba = image.convert("RGBA")
        alpha = np.full((HEIGHT, WIDTH), value, np.uint8)
        alpha[: HEIGHT // 2] = 255 - value
        rgba.putalpha(Image.fromarray(alpha))
        yield f"webp-lossless-alpha{value}", "WebP alpha", saved(rgba, "WEBP", lossless=True, exact=True), scene()
        yield f"webp-lossy-alpha{value}", "WebP alpha", saved(rgba, "WEBP", quality=95, exact=True), scene()
    frames = [image.rotate(180)]
    yield "webp-animated", "WebP animated", saved(image, "WEBP", save_all=True, append_images=frames, lossless=True), scene()
    yield "webp-animated-lossy", "WebP animated", saved(image, "WEBP", save_all=True, append_images=frames, quality=95), scene()
    for orientation in range(1, 9):
        yield f"webp-exif{orientation}", "WebP with EXIF orientation", saved(image, "WEBP", lossless=True, exif=exif(orientation)), orientation
        data = saved(image, "WEBP", lossless=True, xmp=xmp(orientation, orientation % 2 == 0))
        yield f"webp-xmp{orientation}", "WebP with XMP orientation", data, orientation
    yield "webp-tail", "WebP with bytes behind its end", saved(image, "WEBP", quality=95) + b"x" * 40, scene()
    for size in ((1, 1), (1, 40), (40, 1)):
        small = scene(*size)
        yield f"webp-{size[0]}x{size[1]}", "WebP small", saved(Image.fromarray(small), "WEBP", lossless=True), small


def avif_files():
    image = rgb_image()
    for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
        yield f"avif-{subsampling.replace(':', '')}", "AVIF", saved(image, "AVIF", quality=95, subsampling=subsampling), scene()
    grey = grey_image()
    yield "avif-grey", "AVIF grey", saved(grey, "AVIF", quality=95), pixels(grey)
    yield "avif-400", "AVIF grey", saved(image.convert("L"), "AVIF", quality=95, subsampling="4:0:0"), pixels(grey)
    for bits in (10, 12):
        data = imagecodecs.avif_encode(scene().astype(np.uint16) << (bits - 8), 95, bitspersample=bits)
        yield f"avif-{bits}bit", f"AVIF {bits} bit", data, scene()
    for value in (0, 1, 128):
        rgba = image.convert("RGBA")
        rgba.putalpha(Image.fromarray(np.full((HEIGHT, WIDTH), value, np.uint8)))
        yield f"avif-alpha{value}", "AVIF alpha", saved(rgba, "AVIF", quality=95), scene()
    for orientation in range(1, 9):
        yield f"avif-exif{orientation}", "AVIF with orientation", saved(image, "AVIF", quality=95, exif=exif(orientation)[6:]), orientation
        data = saved(image, "AVIF", quality=95, xmp=xmp(orientation))
        yield f"avif-xmp{orientation}", "AVIF with XMP orientation", data, None
    yield "avif-sequence", "AVIF animated", saved(image, "AVIF", save_all=True, append_images=[image.rotate(180)], quality=95), scene()
    plain = saved(image, "AVIF", quality=95)
    yield "avif-mif1", "AVIF with major brand mif1", plain[:8] + b"mif1" + plain[12:], scene()
    yield "avif-miaf", "AVIF with major brand miaf", plain[:8] + b"miaf" + plain[12:], scene()
    yield "avif-tail", "AVIF with bytes behind its end", plain + b"x" * 40, scene()


def bmp_files():
    image = rgb_image()
    yield "bmp-24", "BMP", saved(image, "BMP"), scene()
    yield "bmp-32", "BMP", saved(image.convert("RGBA"), "BMP"), scene()
    yield "bmp-8", "BMP", saved(image.quantize(200), "BMP"), pixels(image.quantize(200))
    yield "bmp-grey", "BMP", saved(grey_image(), "BMP"), pixels(grey_image())
    yield "bmp-1", "BMP", saved(image.convert("1"), "BMP"), pixels(image.convert("1"))
