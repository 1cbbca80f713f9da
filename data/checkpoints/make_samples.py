"""Makes bag.png and bag.bin beside this file: the first bag of the embedded test images of Fashion-MNIST, as it is, and a
recording of it by a moving event camera.

    python3 make_samples.py

The camera is that of crates/snn-data/src/simulate.rs with its default constants, without noise and without spread, its references
starting at the first view. The recording is in the format of N-MNIST: five bytes an event.
"""

import gzip
import math
import pathlib
import struct
import zlib

HERE = pathlib.Path(__file__).parent
SIDE, BAG = 28, 8
SENSOR, AMPLITUDE, MOTION_US, VIEWS, THRESHOLD, DARK = 32, 1.8, 100_000, 10, 0.3, 0.1


def bag():
    data = HERE.parent / "fashion-mnist"
    labels = gzip.decompress((data / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    images = gzip.decompress((data / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    at = labels.index(BAG) * SIDE * SIDE
    return images[at : at + SIDE * SIDE]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(image):
    rows = [b"\0" + image[SIDE * y : SIDE * (y + 1)] for y in range(SIDE)]
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(b"".join(rows), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def view(image, shift):
    """The logarithmic level of every pixel of the sensor, the image being moved by `shift`."""

    def level(x, y):
        if not (0 <= x < SIDE and 0 <= y < SIDE):
            return 0.0
        return math.log((image[SIDE * y + x] / 255 + DARK) / DARK)

    margin, levels = (SENSOR - SIDE) // 2, []
    for row in range(SENSOR):
        for column in range(SENSOR):
            x, y = column - margin - shift[0], row - margin - shift[1]
            left, top = math.floor(x), math.floor(y)
            u, v = x - left, y - top
            upper = (1 - u) * level(left, top) + u * level(left + 1, top)
            lower = (1 - u) * level(left, top + 1) + u * level(left + 1, top + 1)
            levels.append((1 - v) * upper + v * lower)
    return levels


def record(image):
    """Events (t in microseconds, pixel, polarity), sorted."""
    a = AMPLITUDE
    corners = [(-a, -a / 2), (0.0, a), (a, -a / 2), (-a, -a / 2)]
    before, events = view(image, corners[0]), []
    reference = list(before)
    for motion, (start, end) in enumerate(zip(corners, corners[1:])):
        for step in range(VIEWS):
            part = (step + 1) / VIEWS
            now = view(image, [p + part * (q - p) for p, q in zip(start, end)])
            for at, (old, new) in enumerate(zip(before, now)):
                while abs(new - reference[at]) >= THRESHOLD:
                    is_on = new > reference[at]
                    reference[at] += THRESHOLD if is_on else -THRESHOLD
                    crossed = min(max((reference[at] - old) / (new - old), 0.0), 1.0)
                    events.append((int(MOTION_US * (motion + (step + crossed) / VIEWS)), at, is_on))
            before = now
    return sorted(events)


def atis(events):
    words = ((at % SENSOR, at // SENSOR, is_on << 23 | t) for t, at, is_on in events)
    return b"".join(bytes((x, y)) + word.to_bytes(3, "big") for x, y, word in words)


if __name__ == "__main__":
    (HERE / "bag.png").write_bytes(png(bag()))
    (HERE / "bag.bin").write_bytes(atis(record(bag())))
