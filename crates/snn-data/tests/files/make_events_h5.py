"""Makes events_zstd.h5, events_lz4.h5, events_blosc.h5 and events_table.h5; needs h5py, hdf5plugin and numpy.

Fifty events: t = 5 + 1000 i, x = 7 i mod 64, y = 5 i mod 48, p = i mod 2. The first two as DSEC's layout, in chunks of 16
of which the last is not full; the last as Metavision's table, on a sensor of 64 x 48. Of the third there are 5,000 in
chunks of 2,000, so that Blosc splits its blocks."""

import h5py
import hdf5plugin
import numpy as np


def columns(n):
    i = np.arange(n)
    return {
        "t": (5 + 1000 * i).astype("<u4"),
        "x": (7 * i % 64).astype("<u2"),
        "y": (5 * i % 48).astype("<u2"),
        "p": (i % 2).astype("|u1"),
    }


for name, n, chunk, packed in [
    ("zstd", 50, 16, dict(shuffle=True, **hdf5plugin.Zstd())),
    ("lz4", 50, 16, hdf5plugin.LZ4()),
    ("blosc", 5000, 2000, hdf5plugin.Blosc(cname="zstd", shuffle=hdf5plugin.Blosc.SHUFFLE)),
]:
    with h5py.File(f"events_{name}.h5", "w") as file:
        for column, values in columns(n).items():
            file.create_dataset(f"events/{column}", data=values, chunks=(chunk,), **packed)
with h5py.File("events_table.h5", "w") as file:
    file.attrs["geometry"] = "64x48"
    table = np.zeros(50, np.dtype([("x", "<u2"), ("y", "<u2"), ("p", "<i2"), ("t", "<i8")], align=True))
    for column, values in columns(50).items():
        table[column] = values
    file.create_dataset("CD/events", data=table)
