"""Makes the Fashion-MNIST subset beside this file from the official files.

    apt-get download dataset-fashion-mnist && dpkg -x dataset-fashion-mnist_*.deb x
    python3 make_subset.py x/usr/share/datasets/fashion-mnist .

The first PER_CLASS images of every class, in the official order. Same input, same bytes.
"""

import gzip
import hashlib
import pathlib
import struct
import sys
import zlib

PER_CLASS = {"train": 600, "t10k": 200}
CLASSES = 10


def write_gz(path, data):
    # The header is written by hand: no name, no time, the same bytes from every Python version.
    pack = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    body = pack.compress(data) + pack.flush()
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    path.write_bytes(head + body + struct.pack("<II", zlib.crc32(data), len(data)))
    print(hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size, path.name)


def main(source, target):
    for side, per_class in PER_CLASS.items():
        labels = gzip.decompress((source / f"{side}-labels-idx1-ubyte.gz").read_bytes())
        images = gzip.decompress((source / f"{side}-images-idx3-ubyte.gz").read_bytes())
        magic, n, rows, columns = struct.unpack(">IIII", images[:16])
        assert (magic, rows, columns) == (2051, 28, 28)
        assert struct.unpack(">II", labels[:8]) == (2049, n)
        labels, images, size = labels[8:], images[16:], rows * columns
        assert (len(labels), len(images)) == (n, n * size)

        taken, kept = [0] * CLASSES, []
        for index, label in enumerate(labels):
            if taken[label] < per_class:
                taken[label] += 1
                kept.append(index)
        assert taken == [per_class] * CLASSES

        pixels = b"".join(images[i * size : (i + 1) * size] for i in kept)
        head = struct.pack(">IIII", 2051, len(kept), rows, columns)
        write_gz(target / f"{side}-images-idx3-ubyte.gz", head + pixels)
        head = struct.pack(">II", 2049, len(kept))
        write_gz(target / f"{side}-labels-idx1-ubyte.gz", head + bytes(labels[i] for i in kept))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
