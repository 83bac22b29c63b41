"""Makes small data sets in the layouts that Python's own tools write: zip and tar archives, Parquet and Arrow tables.

pip install pillow==13.0.0 pyarrow==26.0.1
python make_datasets.py
"""
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

HERE = Path(__file__).parent
LONG = "a class with a name that is longer than the hundred bytes that the header of a tar archive has room for, " * 2


def png(i):
    out = io.BytesIO()
    Image.new("RGB", (8, 6), (i * 30, 80, 120)).save(out, "PNG")
    return out.getvalue()


def members(prefix=""):
    yield f"{prefix}a/1.png", png(1)
    yield f"{prefix}a/ü 2.png", png(2)
    yield f"{prefix}b/3.png", png(3)
    yield f"{prefix}{LONG[:150]}/4.png", png(4)
    yield f"{prefix}__MACOSX/a/._1.png", b"resource fork"


def write_zip(name, entries):
    with zipfile.ZipFile(HERE / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in entries:
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), content)


def write_tar(name, entries, mode="w", format=tarfile.PAX_FORMAT):
    with tarfile.open(HERE / name, mode, format=format) as archive:
        for path, content in entries:
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def table():
    names = ["daisy", "rose"]
    rows = [{"image": {"bytes": png(i), "path": f"{i}.png"}, "label": i % 2, "width": 8} for i in range(5)]
    schema = pa.schema(
        [
            ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            ("label", pa.int64()),
            ("width", pa.int32()),
        ],
        metadata={
            "huggingface": json.dumps(
                {"info": {"features": {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}}}
            )
        },
    )
    return pa.Table.from_pylist(rows, schema=schema)


write_zip("wrapped.zip", members("photos/"))
write_zip("listed.zip", [("x/labels.csv", b"file,label\n1.png,red|big\nsub/2.png,red\n"), ("x/1.png", png(1)), ("x/sub/2.png", png(2))])
write_zip("climbing.zip", [("../a/1.png", png(1))])
write_tar("pax.tar", members())
write_tar("gnu.tar.gz", members("photos/"), "w:gz", tarfile.GNU_FORMAT)
pq.write_table(table(), HERE / "images.parquet", row_group_size=2)
with pa.ipc.new_stream(HERE / "images.arrow", table().schema) as writer:
    writer.write_table(table(), max_chunksize=2)
