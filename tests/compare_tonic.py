"""Our recordings beside Tonic's and expelliarmus': python tests/compare_tonic.py SNN DATA

SNN is the program, DATA the folder that holds n-mnist-1100, poker-dvs and event-samples. Every file goes through
`snn data convert` and must give the same t, x, y and p. Needs numpy, tonic and expelliarmus; prints one line a set.
"""
import io
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import expelliarmus
import numpy as np
import tonic.io

SNN, DATA = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
OUT = pathlib.Path(tempfile.mkdtemp())


def ours(path, *options):
    """The events of `path` as `snn data convert` writes them."""
    out = OUT / "events.npy"
    command = [SNN, "-q", "data", "convert", path, out, *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return np.load(out)


def same(a, b):
    return len(a) == len(b) and all(np.array_equal(a[k].astype(np.int64), b[k].astype(np.int64)) for k in "txyp")


def report(what, equal, files, events):
    print(f"{what}: {equal} of {files} files equal, {events} events")
    return equal == files


def n_mnist():
    dtype = np.dtype([("x", int), ("y", int), ("t", int), ("p", int)])
    files = sorted((DATA / "n-mnist-1100").glob("T*/?/*.bin"))
    equal = events = 0
    for path in files:
        mine = ours(path)
        equal += same(mine, tonic.io.read_mnist_file(str(path), dtype=dtype))
        events += len(mine)
    return report("N-MNIST beside tonic.io.read_mnist_file", equal, len(files), events)


def poker():
    """Tonic ships 68 of the recordings as arrays of t (from 0), x, y, p; the number of events tells which is which."""
    mine = {}
    for path in sorted((DATA / "poker-dvs/aedat").glob("*.aedat")):
        events = ours(path, "--from-zero")
        mine.setdefault(len(events), []).append(events)
    files = equal = events = 0
    for archive in sorted((DATA / "poker-dvs/tonic").glob("*.tar.gz")):
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.name.endswith(".npy"):
                    theirs = np.load(io.BytesIO(tar.extractfile(member).read()))
                    theirs = {key: theirs[:, i] for i, key in enumerate("txyp")}
                    files += 1
                    events += len(theirs["t"])
                    equal += any(
                        all(np.array_equal(a[k].astype(np.int64), theirs[k].astype(np.int64)) for k in "txyp")
                        for a in mine.get(len(theirs["t"]), [])
                    )
    return report("POKER-DVS beside the arrays of tonic.datasets.POKERDVS", equal, files, events)


def samples():
    folder = DATA / "event-samples"
    known = [("dat", "dat/ncars_sample.dat"), ("evt2", "evt2/evt2_sample.raw"), ("evt3", "evt3/evt3_sample.raw")]
    equal = events = 0
    for encoding, name in known:
        mine = ours(folder / name)
        equal += same(mine, expelliarmus.Wizard(encoding=encoding).read(folder / name))
        events += len(mine)
    mine = ours(folder / "evt3/evt3_sample.raw")
    equal += same(mine, np.load(folder / "evt3/evt3_sample.expected.npy"))
    return report("DAT, EVT2, EVT3 beside expelliarmus, EVT3 beside its array", equal, len(known) + 1, events)


sys.exit(0 if all([n_mnist(), poker(), samples()]) else 1)
