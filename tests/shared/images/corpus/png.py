"""PNG files of every depth, colour type and transparency, interlaced or not."""

import struct
import zlib

import numpy as np

from scene import exif, grey_image, pixels, rgb_image, saved, scene, xmp

SIGNATURE = b"\x89PNG\r\n\x1a\n"
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(rows, depth):
    """Filtered (by none) rows of samples."""
    out = []
    for row in rows:
        flat = np.asarray(row).reshape(-1)
        if depth == 16:
            line = flat.astype(">u2").tobytes()
        elif depth == 8:
            line = flat.astype(np.uint8).tobytes()
        else:
            bits = ((flat[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8)
            line = np.packbits(bits.reshape(-1)).tobytes()
        out.append(b"\0" + line)
    return b"".join(out)


def png(samples, colour, depth, interlaced=False, before=(), after=(), pieces=1):
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    if interlaced:
        passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        data = b"".join(packed(part, depth) for part in passes if part.size)
    else:
        data = packed(samples, depth)
    stream = zlib.compress(data)
    step = -(-len(stream) // pieces)
    idat = [chunk(b"IDAT", stream[i : i + step]) for i in range(0, len(stream), step)]
    return b"".join(
        [SIGNATURE, chunk(b"IHDR", header), *(chunk(*c) for c in before), *idat]
        + [*(chunk(*c) for c in after), chunk(b"IEND", b"")]
    )


def raw_exif(orientation):
    """ImageMagick's way: the profile as hex digits in a text chunk."""
    profile = exif(orientation)
    digits = profile.hex()
    lines = "\n".join(digits[i : i + 72] for i in range(0, len(digits), 72))
    return f"\nexif\n{len(profile):8d}\n{lines}\n".encode()


def quantized(bits):
    image = rgb_image().quantize(2**bits)
    palette = np.array(image.getpalette()[: 3 * 2**bits], np.uint8)
    palette.resize(3 * 2**bits)
    return np.asarray(image), palette


def png_files():
    rgb, grey = scene(), np.asarray(grey_image())
    for interlaced in (False, True):
        way = "-interlaced" if interlaced else ""
        for depth in (1, 2, 4, 8):
            levels = (grey >> (8 - depth)).astype(int)
            scaled = levels * 255 // (2**depth - 1)
            yield f"png-grey{depth}{way}", f"PNG grey {depth} bit", png(levels, GREY, depth, interlaced), scaled
            trns = [(b"tRNS", struct.pack(">H", int(levels[0, 0])))]
            yield (
                f"png-grey{depth}-trns{way}",
                f"PNG grey {depth} bit, one level transparent",
                png(levels, GREY, depth, interlaced, trns),
                scaled,
            )
            indices, palette = quantized(depth)
            truth = palette.reshape(-1, 3)[indices]
            plte = (b"PLTE", palette.tobytes())
            yield f"png-palette{depth}{way}", f"PNG palette {depth} bit", png(indices, PALETTE, depth, interlaced, [plte]), truth
            for kind, alpha in (("one", [0]), ("half", [128] * 2 ** (depth - 1)), ("all", [0] * 2**depth)):
                yield (
                    f"png-palette{depth}-trns-{kind}{way}",
                    "PNG palette, transparent colours",
                    png(indices, PALETTE, depth, interlaced, [plte, (b"tRNS", bytes(alpha))]),
                    truth,
                )
        wide = rgb.astype(int) * 257
        yield f"png-grey16{way}", "PNG grey 16 bit", png(grey.astype(int) * 257, GREY, 16, interlaced), grey
        yield f"png-rgb16{way}", "PNG RGB 16 bit", png(wide, RGB, 16, interlaced), rgb
        alpha16 = np.full(grey.shape + (1,), 30000)
        yield f"png-rgba16{way}", "PNG RGBA 16 bit", png(np.concatenate([wide, alpha16], 2), RGBA, 16, interlaced), rgb
        la16 = np.concatenate([grey[..., None].astype(int) * 257, alpha16], 2)
        yield f"png-la16{way}", "PNG grey+alpha 16 bit", png(la16, GREY_ALPHA, 16, interlaced), grey
        yield f"png-rgb8{way}", "PNG RGB 8 bit", png(rgb, RGB, 8, interlaced), rgb
        for value in (0, 1, 128, 255):
            alpha = np.full(grey.shape + (1,), value)
            alpha[: len(alpha) // 2] = 255 - value
            yield f"png-rgba8-{value}{way}", "PNG RGBA 8 bit", png(np.concatenate([rgb, alpha], 2), RGBA, 8, interlaced), rgb
            la = np.concatenate([grey[..., None], alpha], 2)
            yield f"png-la8-{value}{way}", "PNG grey+alpha 8 bit", png(la, GREY_ALPHA, 8, interlaced), grey
        colour = struct.pack(">HHH", *(int(v) for v in rgb[3, 3]))
        yield f"png-rgb8-trns{way}", "PNG RGB 8 bit, one colour transparent", png(rgb, RGB, 8, interlaced, [(b"tRNS", colour)]), rgb
        colour16 = struct.pack(">HHH", *(int(v) * 257 for v in rgb[3, 3]))
        yield f"png-rgb16-trns{way}", "PNG RGB 16 bit, one colour transparent", png(wide, RGB, 16, interlaced, [(b"tRNS", colour16)]), rgb
        for bits in (8, 10, 12, 14):
            few = grey.astype(int) >> (8 - bits) if bits < 8 else grey.astype(int) << (bits - 8)
            yield f"png-grey16-uses{bits}{way}", f"PNG 16 bit that uses {bits}", png(few, GREY, 16, interlaced), grey
            few = rgb.astype(int) << (bits - 8)
            yield f"png-rgb16-uses{bits}{way}", f"PNG 16 bit that uses {bits}", png(few, RGB, 16, interlaced), rgb
        yield f"png-idats{way}", "PNG RGB 8 bit", png(rgb, RGB, 8, interlaced, pieces=9), rgb
    yield "png-gama", "PNG with gAMA", png(rgb, RGB, 8, before=[(b"gAMA", struct.pack(">I", 100000))]), rgb
    yield "png-srgb", "PNG with sRGB", png(rgb, RGB, 8, before=[(b"sRGB", b"\0")]), rgb
    yield "png-sbit", "PNG with sBIT", png(rgb, RGB, 8, before=[(b"sBIT", b"\5\6\5")]), rgb
    yield "png-bkgd", "PNG with bKGD", png(rgb, RGB, 8, before=[(b"bKGD", bytes(6))]), rgb
    yield "png-text", "PNG with text", png(rgb, RGB, 8, before=[(b"tEXt", b"Comment\0hello")]), rgb
    yield "png-late-text", "PNG with text", png(rgb, RGB, 8, after=[(b"tEXt", b"Comment\0hello")]), rgb
    yield "png-unknown-chunk", "PNG with private chunk", png(rgb, RGB, 8, before=[(b"prVt", b"1234")]), rgb
    yield "png-tail", "PNG with bytes behind its end", png(rgb, RGB, 8) + b"and more" * 9, rgb
    plain = png(rgb, RGB, 8)
    yield "png-no-end", "PNG without its end", plain[:-12], rgb
    text = plain.find(b"IDAT") - 4
    bad = bytearray(chunk(b"tEXt", b"Comment\0hello"))
    bad[-1] ^= 1
    yield "png-text-bad-crc", "PNG with a damaged text", plain[:text] + bytes(bad) + plain[text:], rgb
    yield "png-icc-nonsense", "PNG with a broken profile", png(rgb, RGB, 8, before=[(b"iCCP", b"x\0\0" + zlib.compress(b"nonsense" * 20))]), rgb
    for size in ((1, 1), (1, 40), (40, 1), (3, 2), (8, 8)):
        small = scene(*size)
        for interlaced in (False, True):
            yield f"png-{size[0]}x{size[1]}-{int(interlaced)}", "PNG small", png(small, RGB, 8, interlaced), small
    yield "png-apng", "PNG animated", saved(rgb_image(), "PNG", save_all=True, append_images=[rgb_image().rotate(180)]), rgb
    yield from oriented(rgb)



def oriented(rgb):
    for orientation in range(1, 9):
        yield f"png-exif{orientation}", "PNG with eXIf orientation", png(rgb, RGB, 8, before=[(b"eXIf", exif(orientation)[6:])]), orientation
        text = raw_exif(orientation)
        name = b"Raw profile type exif\0"
        yield f"png-rawexif{orientation}", "PNG with raw EXIF profile", png(rgb, RGB, 8, before=[(b"zTXt", name + b"\0" + zlib.compress(text))]), orientation
        yield f"png-rawexif-text{orientation}", "PNG with raw EXIF profile", png(rgb, RGB, 8, before=[(b"tEXt", name + text)]), orientation
        itxt = b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(orientation, element=orientation % 2 == 0)
        yield f"png-xmp{orientation}", "PNG with XMP orientation", png(rgb, RGB, 8, before=[(b"iTXt", itxt)]), orientation
    late = [(b"eXIf", exif(6)[6:])]
    yield "png-exif-late", "PNG with eXIf orientation", png(rgb, RGB, 8, after=late), 6
