"""Writes shd.h5 beside it, a file as shd_train.h5 with three recordings: python make_shd.py. Needs h5py."""
import pathlib

import h5py
import numpy as np

path = pathlib.Path(__file__).with_name("shd.h5")
random = np.random.default_rng(0)
with h5py.File(path, "w", libver="earliest") as file:
    file.create_dataset("labels", data=np.array([3, 19, 0], dtype="u1"))
    times = file.create_dataset("spikes/times", (3,), dtype=h5py.vlen_dtype(np.dtype("f2")))
    units = file.create_dataset("spikes/units", (3,), dtype=h5py.vlen_dtype(np.dtype("u2")))
    for i, n in enumerate((5, 0, 3)):
        times[i] = np.sort(random.random(n)).astype("f2")
        units[i] = random.integers(0, 700, n).astype("u2")
with h5py.File(path) as file:
    for i in range(3):
        t = (file["spikes/times"][i].astype(np.float64) * 1e6).astype(np.int64)
        print(file["labels"][i], list(zip(t.tolist(), file["spikes/units"][i].tolist())))
