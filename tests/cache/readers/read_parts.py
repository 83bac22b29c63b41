"""Reads every part of feature stores with pyarrow, polars and DuckDB and compares what they say.

pip install numpy==2.4.6 pyarrow==26.0.1 polars==2.1.0 duckdb==2.0.0
python read_parts.py STORE...
"""
import hashlib
import json
import sys
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa


def check(store):
    manifest = json.loads((store / "manifest.json").read_text())
    assert manifest["parts"], f"{store} has no parts"
    for part in manifest["parts"]:
        path = store / part["file"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == part["sha256"], path
        table = pa.ipc.open_file(path).read_all()
        table.validate(full=True)
        frame = pl.read_ipc(path)
        # DuckDB has no half precision; it reads the other columns of such a store.
        features = [column["name"] for column in manifest["columns"]]
        half = manifest["pipeline"]["dtype"] == "float16"
        relation = duckdb.from_arrow(table.drop_columns(features) if half else table)
        assert table.num_rows == len(frame) == relation.count("*").fetchall()[0][0] == part["rows"], path
        assert table["path"].to_pylist() == frame["path"].to_list()
        assert table["labels"].to_pylist() == frame["labels"].to_list()
        assert [row[0] for row in relation.project("path").fetchall()] == table["path"].to_pylist()
        for column in manifest["columns"]:
            name, width = column["name"], column["dimension"]
            ours = table[name].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
            assert np.isfinite(ours.astype(np.float32)).all(), path
            theirs = np.stack(frame[name].to_numpy()).reshape(-1, width)
            assert (ours == theirs).all(), path
            if not half:
                sums = relation.project(f'list_sum("{name}"::FLOAT[]) AS total').fetchall()
                assert np.allclose([row[0] for row in sums], ours.sum(axis=1), rtol=1e-3, atol=1e-3), path
    print(f"{store}: {manifest['counts']['rows']} rows in {len(manifest['parts'])} parts read alike by all three")


for argument in sys.argv[1:]:
    check(Path(argument))
