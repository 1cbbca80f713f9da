"""The baseline of vibration sets: a linear classifier of the magnitudes of the spectrum.

    python tests/fft_linear.py cwru|mfpt DIR

Windows of 1,024 samples; those of the first 60 % of each recording train, the others test, as crates/snn-data cuts them.
Each window has mean 0 and deviation 1. Classes: the nine faults of cwru, the recordings of mfpt, of which each is one.
Needs numpy, scipy and scikit-learn.
"""

import pathlib
import sys

import numpy as np
import scipy.io
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

WINDOW = 1024


def recordings(name, folder):
    """The signal of each recording, at 12 kHz (cwru) or 48.8 kHz (mfpt)."""
    if name == "cwru":
        for path in sorted(folder.rglob("*_DE12.npz")):
            yield np.load(path)["DE"].ravel()
    else:
        for path in sorted(folder.rglob("*.mat")):
            bearing = scipy.io.loadmat(path)["bearing"]
            signal = bearing["gs"][0, 0].ravel()
            if bearing["sr"][0, 0].item() > 60_000:
                signal = signal[: len(signal) // 2 * 2].reshape(-1, 2).mean(1)
            yield signal


def spectra(signal):
    """`[windows, WINDOW / 2 + 1]`."""
    windows = signal[: len(signal) // WINDOW * WINDOW].reshape(-1, WINDOW)
    windows = windows - windows.mean(1, keepdims=True)
    return np.abs(np.fft.rfft(windows / (windows.std(1, keepdims=True) + 1e-12)))


def main(name, folder):
    train, test = [], []
    for label, signal in enumerate(recordings(name, folder)):
        cut = len(signal) * 6 // 10
        for side, part in ((train, signal[:cut]), (test, signal[cut:])):
            side += [(x, label) for x in spectra(part)]
    (x, y), (test_x, test_y) = ((np.stack(a), np.array(b)) for a, b in (zip(*train), zip(*test)))
    scale = StandardScaler().fit(x)
    model = LogisticRegression(max_iter=5000).fit(scale.transform(x), y)
    top1 = 100 * (model.predict(scale.transform(test_x)) == test_y).mean()
    print(f"{name}: {len(y)} training and {len(test_y)} test windows, {y.max() + 1} classes: {top1:.2f} %")


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
