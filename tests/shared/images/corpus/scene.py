"""The picture that every file of the corpus shows, and its metadata in the forms that files carry."""

import os
import struct
from io import BytesIO

import numpy as np
from PIL import Image

WIDTH, HEIGHT = map(int, os.environ.get("SCENE", "75x58").split("x"))


def scene(width=WIDTH, height=HEIGHT):
    """Smooth enough for lossy formats, nowhere black, and unlike itself mirrored or turned."""
    y, x = np.mgrid[0:height, 0:width]
    red = 60 + 170 * x / width
    green = 70 + 150 * y / height
    blue = 200 - 120 * (x + y) / (width + height)
    disc = (x - width * 0.3) ** 2 + (y - height * 0.35) ** 2 < (min(width, height) * 0.22) ** 2
    waves = 8 * np.sin(x / 5) * np.cos(y / 7)
    rgb = np.stack([red, green, blue], axis=-1) + waves[..., None]
    rgb[disc] = rgb[disc] * 0.5 + np.array([110, 20, 40])
    return np.clip(rgb, 25, 250).astype(np.uint8)


def rgb_image():
    return Image.fromarray(scene())


def grey_image():
    return rgb_image().convert("L")


def saved(image, format, **options):
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def pixels(image):
    """What a person sees: 8-bit RGB."""
    return np.asarray(image.convert("RGB"))


# How an image that is stored with orientation N comes to stand upright.
UPRIGHT = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image, orientation):
    return image if UPRIGHT[orientation] is None else image.transpose(UPRIGHT[orientation])


def exif(orientation, order="<"):
    """An EXIF block with the orientation alone."""
    start = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(order + "HHIHH", 274, 3, 1, orientation, 0)
    return b"Exif\0\0" + start + struct.pack(order + "IH", 8, 1) + entry + bytes(4)


def xmp(orientation, element=False):
    """An XMP packet with the orientation as an attribute or as an element."""
    head = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    space = 'xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
    body = (
        f'<rdf:Description rdf:about="" {space}><tiff:Orientation>{orientation}</tiff:Orientation></rdf:Description>'
        if element
        else f'<rdf:Description rdf:about="" {space} tiff:Orientation="{orientation}"/>'
    )
    return (head + body + "</rdf:RDF></x:xmpmeta>").encode()
