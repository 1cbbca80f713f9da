"""Writes the hostile files beside it: python data/hostile/make_hostile.py

Each breaks one rule of its format, named by the file; crates/snn-data/tests/main/hostile_files.rs says what a reader must
answer. Needs nothing beyond Python.
"""
import gzip
import pathlib
import struct
import zlib

HERE = pathlib.Path(__file__).parent
HUGE = 0xFFFFFFFF


def write(name, *parts):
    (HERE / name).write_bytes(b"".join(parts))


def u16(*numbers):
    return struct.pack(f"<{len(numbers)}H", *numbers)


def u32(*numbers):
    return struct.pack(f"<{len(numbers)}I", *numbers)


def atis_and_slayer():
    write("atis-empty.bin")
    write("atis-partial.bin", bytes(7))
    write("atis-outside.bin", bytes([33, 33, 0, 0, 1, 34, 0, 0, 0, 2]))
    write("bs1-partial.bs1", bytes(9))
    write("bs1-far.bs1", b"\xff\xff\0\0\1")
    write("bs3-partial.bs3", bytes(8))
    write("bs3-channel.bs3", bytes(7), bytes([0, 0, 0, 200, 0, 0, 0]))


def aedat():
    two = b"#!AER-DAT2.0\r\n"
    write("aedat2-header-only.aedat", two, b"# nothing follows\r\n")
    write("aedat2-endless-line.aedat", two, b"#", b"a" * 300)
    write("aedat2-partial.aedat", two, bytes(13))
    write("aedat2-foreign.aedat", two, struct.pack(">4I", 3, 5, 0x00FF0000, 6))
    write("aedat1.aedat", b"#!AER-DAT1.0\r\n", bytes(6))
    three = b"#!AER-DAT3.1\r\n#Source 1: DVS128\r\n"
    end = b"#!END-HEADER\r\n"

    def packet(number, events=b"", size=8, place=4, valid=None):
        return u16(1, 1) + u32(size, place, 0, number, number, number if valid is None else valid) + events

    write("aedat3-no-end.aedat", three, packet(0))
    write("aedat3-claim.aedat", three, end, packet(HUGE))
    write("aedat3-claim-size.aedat", three, end, u16(2, 1), u32(HUGE, 4, 0, HUGE, HUGE, HUGE))
    write("aedat3-partial-header.aedat", three, end, packet(0)[:20])
    write("aedat3-partial.aedat", three, end, packet(2, bytes(12)))
    write("aedat3-size.aedat", three, end, packet(1, bytes(16), size=16))
    write("aedat3-outside.aedat", three, end, packet(1, u32(128 << 17 | 1, 0)))
    write("aedat3-all-invalid.aedat", three, end, packet(1, u32(0, 0), valid=0))


def xxh32(data):
    """Of fewer than 16 bytes, seed 0."""
    p1, p2, p3, p4, p5 = 2654435761, 2246822519, 3266489917, 668265263, 374761393
    h = p5 + len(data)
    while len(data) >= 4:
        h = (h + int.from_bytes(data[:4], "little") * p3) & HUGE
        h = ((h << 17 | h >> 15) & HUGE) * p4 & HUGE
        data = data[4:]
    for byte in data:
        h = (h + byte * p5) & HUGE
        h = ((h << 11 | h >> 21) & HUGE) * p1 & HUGE
    for shift, prime in ((15, p2), (13, p3), (16, 1)):
        h = (h ^ h >> shift) * prime & HUGE
    return h


def lz4(block, stored=True):
    # Blocks of 64 KiB or 4 MiB.
    head = bytes([0x60, 0x40 if stored else 0x70])
    size = len(block) | (1 << 31 if stored else 0)
    return u32(0x184D2204) + head + bytes([xxh32(head) >> 8 & 255]) + u32(size) + block + u32(0)


def aedat4():
    version = b"#!AER-DAT4.0\r\n"

    def info(compression, table=-1):
        # Root at 24: its list of places at 10 holds the compression at +4 and the table at +8.
        buffer = u32(24) + b"IOHE" + u16(0, 8, 16, 4, 8, 0) + bytes(4)
        buffer += struct.pack("<iiq", 24 - 10, compression, table)
        return u32(len(buffer)) + buffer

    def events(*records):
        buffer = u32(16) + b"EVTS" + u16(0, 6, 8, 4) + struct.pack("<iI", 16 - 10, 4)
        buffer += u32(len(records)) + b"".join(struct.pack("<qhhB3x", *record) for record in records)
        return u32(len(buffer)) + buffer

    def packet(content, stream=0):
        return u32(stream, len(content)) + content

    good = packet(lz4(events((5, 1, 2, 1), (6, 3, 4, 0))))
    write("aedat4-claim-header.aedat4", version, u32(HUGE), bytes(8))
    write("aedat4-claim-packet.aedat4", version, info(1), u32(0, HUGE), bytes(8))
    write("aedat4-claim-events.aedat4", version, info(1), packet(lz4(u32(28) + events()[4:28] + u32(HUGE))))
    write("aedat4-zstd.aedat4", version, info(3), good)
    write("aedat4-far-table.aedat4", version, info(1, 1 << 62), good)
    write("aedat4-far-root.aedat4", version, u32(8), u32(HUGE), b"IOHE")
    write("aedat4-cut.aedat4", version, info(1), good[:-9])
    write("aedat4-cut-frame.aedat4", version, info(1), packet(lz4(events())[:-4]))
    write("aedat4-negative.aedat4", version, info(1), packet(lz4(events((5, -1, 2, 1)))))
    two = packet(lz4(events((7, 1, 2, 1))), stream=1)
    write("aedat4-streams.aedat4", version, info(1), good, two)
    write("aedat4-other.aedat4", version, info(1), packet(lz4(events().replace(b"EVTS", b"IMUS"))))
    bomb = b"\x1f" + b"a" + u16(1) + b"\xff" * 8300 + b"\x00" + b"\x50aaaaa"
    write("aedat4-bomb.aedat4", version, info(1), packet(lz4(bomb, stored=False)))


def prophesee():
    write("dat-version.dat", b"% Version 1\n\x00\x08", bytes(8))
    write("dat-kind.dat", b"% Version 2\n\x28\x08", bytes(8))
    write("dat-partial.dat", b"% Version 2\n\x00\x08", bytes(12))
    write("dat-outside.dat", b"% Version 2\n% Width 4\n% Height 4\n\x00\x08", u32(0, 4 << 14))
    write("dat-endless-line.dat", b"% Version 2\n% ", b"a" * 300)
    write("dat-line-storm.dat", b"% \n" * 1000)
    write("evt2-version.raw", b"% evt 2.1\n", u32(0x80000000, 0))
    write("evt2-partial.raw", b"% evt 2.0\n", u32(0x80000000, 0), b"\1\2")
    write("evt2-outside.raw", b"% evt 2.0\n% geometry 4x4\n% end\n", u32(0x80000000, 4 << 11))
    write("evt2-no-time.raw", b"% evt 2.0\n", u32(0, 0, 0))
    write("evt3-partial.raw", b"% evt 3.0\n", u16(0x8000, 0x2001), b"\1")
    write("evt3-outside.raw", b"% evt 3.0\n% geometry 4x4\n% end\n", u16(0x8000, 0x3003, 0x4003))
    write("evt3-vector-storm.raw", b"% evt 3.0\n", u16(0x8000), u16(0x4FFF) * 6000)
    write("evt3-no-time.raw", b"% evt 3.0\n", u16(0x2001, 0x2002))


def event_stream():
    head = b"Event Stream\x02\x00\x00"
    write("es-version.es", b"Event Stream\x03\x00\x00\x01", bytes(4))
    write("es-type.es", head, b"\x02", u16(4, 4), bytes(5))
    write("es-no-size.es", head, b"\x01\x04")
    write("es-cut.es", head, b"\x01", u16(4, 4), bytes(8))
    write("es-outside.es", head, b"\x01", u16(4, 4), b"\x01", u16(3, 4))
    write("es-overflows.es", head, b"\x01", u16(4, 4), b"\xff" * 1000)


def npy(descr, shape, data, fortran=False):
    header = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + u16(len(header)) + header + data


def numpy():
    descr = "[('t', '<i8'), ('x', '<i2'), ('y', '<i2'), ('p', '|u1')]"
    write("npy-claim.npy", npy(descr, f"({2**64 - 1},)", bytes(13)))
    write("npy-claim-header.npy", b"\x93NUMPY\x02\x00", u32(HUGE), b"{}")
    write("npy-cut.npy", npy(descr, "(2,)", bytes(13)))
    write("npy-negative.npy", npy(descr, "(1,)", struct.pack("<qhhB", 0, -1, 0, 1)))
    write("npy-float.npy", npy("'<f8'", "(1,)", bytes(8)))
    write("npy-no-p.npy", npy("[('t', '<i8')]", "(1,)", bytes(8)))
    write("npy-surplus.npy", npy(descr, "(1,)", bytes(13 + 5)))
    column = npy("'<i8'", "(1,)", bytes(8))

    def member(name, content, method=0, claim=None, meant=None):
        """Of the content, whose checksum is that of what is meant."""
        size = len(content) if claim is None else claim
        common = u16(20, 0, method, 0, 0) + u32(zlib.crc32(meant or content), size, size) + u16(len(name), 0)
        local = b"PK\3\4" + common + name.encode() + content
        return local, lambda place: b"PK\1\2\x14\0" + common + bytes(10) + u32(place) + name.encode()

    def archive(*members, repeat=1):
        body = directory = b""
        for local, entry in members:
            directory += entry(len(body)) * repeat
            body += local
        end = b"PK\5\6" + bytes(8) + u32(len(directory), len(body)) + u16(0)
        return body + directory + end

    columns = [member(f"{name}.npy", column) for name in "txyp"]
    write("npz-cut.npz", archive(*columns)[:-30])
    write("npz-no-p.npz", archive(*columns[:3]))
    write("npz-crc.npz", archive(*columns[:3], member("p.npy", column[:-8] + b"\1" + bytes(7), meant=column)))
    write("npz-method.npz", archive(member("t.npy", column, method=99)))
    write("npz-claim.npz", archive(*columns[:3], member("p.npy", column, claim=HUGE)))
    write("npz-lengths.npz", archive(*columns[:3], member("p.npy", npy("'<i8'", "(2,)", bytes(16)))))
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = npy("'|u1'", "(4000000,)", bytes(4_000_000))
    packed = squeeze.compress(zeros) + squeeze.flush()
    write("npz-bomb.npz", archive(member("t.npy", packed, method=8, meant=zeros)))
    write("npz-overlap.npz", archive(member("t.npy", bytes(4000)), repeat=600))


def matlab():
    head = b"MATLAB 5.0 MAT-file".ljust(124) + u16(0x100) + b"IM"

    def element(kind, body):
        return u32(kind, len(body)) + body + bytes(-len(body) % 8)

    def packed(kind, sizes, *content):
        about = element(6, u32(kind, 0)), element(5, u32(*sizes)), element(1, b"")
        stream = zlib.compress(element(14, b"".join(about + content)), 9)
        return u32(15, len(stream)) + stream

    write("mat-cut.mat", head, u32(14, HUGE))
    write("mat-many.mat", head, packed(9, (100_000, 1), element(2, bytes(100_000))) * 40)
    write("mat-struct.mat", head, packed(2, (0, 0), element(5, u32(1)), element(1, b"a" * 1_000_000)))


def png(name, *chunks, end=True):
    def chunk(content):
        return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))

    write(f"picture-{name}.png", b"\x89PNG\r\n\x1a\n", *map(chunk, chunks), chunk(b"IEND") if end else b"")


def jpeg(name, components, colors=b"", between=b"", frame=0xC2, side=16):
    """Grey. The components' factors of sampling, what follows the frame, what follows the first scan."""
    def segment(marker, content):
        return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(content)) + content

    def adobe(kind):
        return kind and segment(0xEE, b"Adobe\0\x64\0\0\0\0" + kind)

    ids = range(1, 1 + len(components))
    start = struct.pack(">B2HB", 8, side, side, len(components))
    start += b"".join(bytes([i, sampling, 0]) for i, sampling in zip(ids, components))
    # One code of one bit, 0, for both kinds of coefficients: no change, and the block's end.
    tables = segment(0xDB, bytes(1) + bytes([1]) * 64)
    tables += segment(0xC4, bytes([0, 1]) + bytes(16)) + segment(0xC4, bytes([0x10, 1]) + bytes(16))
    scan = bytes([len(components)]) + b"".join(bytes([i, 0]) for i in ids)
    scan = segment(0xDA, scan + bytes([0, 0 if frame == 0xC2 else 63, 0])) + bytes(2)
    second = between and adobe(between) + scan
    write(f"picture-{name}.jpg", b"\xff\xd8", tables, segment(frame, start), adobe(colors), scan, second, b"\xff\xd9")


def pictures():
    def header(width, height, color=0):
        return b"IHDR" + struct.pack(">2I5B", width, height, 8, color, 0, 0, 0)

    png("claim", header(1 << 30, 1 << 30, color=2), end=False)
    png("rows", header(9000, 9000, color=2), b"IDAT" + zlib.compress(bytes(2)))
    frame = b"fcTL" + struct.pack(">5I2H2B", 0, HUGE, HUGE, 0, 0, 0, 0, 0, 0)
    png("animation", header(1, 1), frame, b"IDAT")
    png("header", header(1, 1), header(60000, 60000), b"IDAT" + zlib.compress(bytes(2)))
    png("palette", header(1, 1, color=3), b"PLTE" + bytes(772) + struct.pack(">I", 26) + frame + bytes(4), b"IDAT")
    png("text", header(1, 1), b"zTXtk\0\0" + zlib.compress(bytes(20_000_000), 9), b"IDAT")
    png("adler", header(1, 1), b"IDAT" + zlib.compress(bytes([0, 7]))[:-1] + b"\0")
    write("picture-cut.jpg", b"\xff\xd8\xff\xda")
    jpeg("rows", [0x11], side=9000)
    jpeg("colors", [0x11, 0x11], colors=b"\2")
    jpeg("late-colors", [0x22, 0x11, 0x11, 0x11], between=b"\1")
    jpeg("sampling", [0x11, 0x22, 0x11], frame=0xC0)


def others():
    write("gzip-cut.bin.gz", gzip.compress(bytes(1000), mtime=0)[:-9])
    write("gzip-bomb.bin.gz", gzip.compress(bytes(3_000_000), mtime=0))
    write("idx-claim.idx", bytes([0, 0, 8, 3]), struct.pack(">3I", HUGE, HUGE, HUGE))
    write("cifar10-partial.bin", bytes(3074 + 2))
    write("cifar10-label.bin", b"\x0a", bytes(3072))
    write("off-claim.off", b"OFF\n4294967295 4294967295 0\n0 0 0\n")
    write("off-corners.off", b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\nx 0 1 2\n")
    write("off-index.off", b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 3\n")
    write("xyz-nan.xyz", b"0 0 0\n1 nan 1\n")
    write("unknown.foo", b"what is this")
    write("hdf5.h5", b"\x89HDF\r\n\x1a\n", bytes(16))


def varint(n):
    return bytes([n]) if n < 0x80 else bytes([n & 0x7F | 0x80]) + varint(n >> 7)


def thrift(*fields):
    """A struct of Thrift's compact protocol: pairs of a number and an int, bytes, a list of bytes, or a struct."""
    out, last = b"", 0
    for number, value in fields:
        if isinstance(value, int):
            kind, value = 6, varint(2 * value if value >= 0 else -2 * value - 1)
        elif isinstance(value, list):
            item, value = value[0], value[1:]
            kind, value = 9, bytes([len(value) << 4 | item]) + b"".join(value)
        elif isinstance(value, tuple):
            kind, value = 12, value[0]
        else:
            kind, value = 8, text(value)
        out, last = out + bytes([(number - last) << 4 | kind]) + value, number
    return out + b"\0"


def text(value):
    return varint(len(value)) + value


def parquet():
    def shard(name, page=None, label=1, codec=0, rows=1, column=b"image", footer=None, encoding=0):
        picture = u32(3) + b"abc"
        values = thrift((1, 1), (2, encoding), (3, 3), (4, 3))
        page = page or thrift((1, 0), (2, len(picture)), (3, len(picture)), (5, (values,)))
        labels = thrift((1, 0), (2, 8), (3, 8), (5, (thrift((1, 1), (2, 0), (3, 3), (4, 3)),)))
        first, second = page + picture, labels + struct.pack("<q", label)

        def chunk(kind, path, codec, at, body):
            path = [8, *map(text, path)]
            return thrift((3, (thrift((1, kind), (3, path), (4, codec), (5, 1), (7, len(body)), (9, at)),)))

        image = chunk(6, (column, b"bytes"), codec, 4, first)
        label = chunk(2, (b"label",), 0, 4 + len(first), second)
        group = thrift((1, [12, image, label]), (3, rows))
        schema = [12, thrift((4, b"schema"), (5, 2)), thrift((3, 0), (4, column), (5, 1))]
        schema += [thrift((1, 6), (3, 0), (4, b"bytes")), thrift((1, 2), (3, 0), (4, b"label"))]
        about = thrift((1, 1), (2, schema), (3, rows), (4, [12, group]))
        ends = u32(len(about) if footer is None else footer), b"PAR1"
        write(f"parquet-{name}.parquet", b"PAR1", first, second, about, *ends)

    shard("claim-footer", footer=HUGE)
    shard("claim-rows", rows=1 << 40)
    shard("few-rows", rows=2)
    values = thrift((1, 1), (2, 0), (3, 3), (4, 3))
    shard("claim-page", codec=1, page=thrift((1, 0), (2, (1 << 31) - 1), (3, 7), (5, (values,))))
    shard("far-page", page=thrift((1, 0), (2, 7), (3, (1 << 31) - 1), (5, (values,))))
    shard("no-dictionary", encoding=8)
    shard("delta", encoding=6)
    shard("no-label", label=-1)
    shard("zstd", codec=6)
    shard("other-columns", column=b"img")


def hdf5():
    undefined = (1 << 64) - 1

    def u64(*numbers):
        return struct.pack(f"<{len(numbers)}Q", *numbers)

    def header(*messages):
        """An object header of version 1: pairs of a type and a message."""
        body = b"".join(u16(kind, len(message)) + bytes(4) + message for kind, message in messages)
        return b"\1\0" + u16(len(messages)) + u32(1, len(body), 0) + body

    def link(name, address):
        return 6, bytes([1, 0, len(name)]) + name + u64(address)

    def data_set(kind, layout, rows=1, *others):
        return header((1, b"\1\1" + bytes(6) + u64(rows)), (3, kind), (8, layout), *others)

    byte = b"\x10\0\0\0" + u32(1) + u16(0, 8)
    half = b"\x11\x20\x0f\0" + u32(2) + u16(0, 16) + bytes([10, 5, 0, 10]) + u32(15)
    many = b"\x19\0\0\0" + u32(16)
    unwritten = b"\3\1" + u64(undefined, 0)

    def chunked(address, rows=1):
        return b"\3\2\2" + u64(address) + u32(rows, 1)

    def shard(name, labels, rest=lambda at: b""):
        """`labels` makes the data set's header of the place of what `rest` makes of its own."""
        rows = data_set(many + half, unwritten), data_set(many + byte, unwritten)
        root = spikes = first = second = at = end = 0
        for _ in range(2):
            parts = [header(link(b"labels", at), link(b"spikes", spikes))]
            parts += [header(link(b"times", first), link(b"units", second)), *rows, labels(end)]
            root = 96
            spikes = root + len(parts[0])
            first = spikes + len(parts[1])
            second = first + len(rows[0])
            at = second + len(rows[1])
            end = at + len(parts[4])
        start = b"\x89HDF\r\n\x1a\n" + bytes([0, 0, 0, 0, 0, 8, 8, 0]) + u16(4, 16) + u32(0)
        start += u64(0, undefined, end, undefined) + u64(0, root) + bytes(24)
        write(f"hdf5-{name}.h5", start, *parts, rest(end))

    def node(level, entries, at, child, size):
        key = u32(size, 0) + u64(0, 0)
        return b"TREE" + bytes([1, level]) + u16(entries) + u64(undefined, undefined) + (key + u64(child)) * entries + key

    def storm(at):
        """Nodes of eight entries, all of which are the next node."""
        size = 24 + 8 * 32 + 24
        return b"".join(node(9 - i, 8, at + i * size, at + i * size + size, 1) for i in range(10))

    def continued(at):
        """Blocks that go on eight times in the next."""
        blocks = [((16, u64(at + 192 * i, 192)),) * 8 for i in range(1, 10)] + [((0, bytes(16)),) * 8]
        return b"".join(header(*block)[16:] for block in blocks)

    text = b"\x13\0\0\0" + u32(HUGE)
    shard("claim-text", lambda end: data_set(text, chunked(undefined), 65536))
    shard("claim-rows", lambda end: data_set(byte, unwritten, 1 << 40))
    shard("claim-chunk", lambda end: data_set(byte, chunked(end, 1 << 28)), lambda at: node(0, 1, at, 96, 1))
    shard("claim-stored", lambda end: data_set(byte, chunked(end)), lambda at: node(0, 1, at, 96, HUGE))
    shard("empty-chunk", lambda end: data_set(byte, chunked(end, 0)), lambda at: node(0, 1, at, 96, 1))
    shard("node-storm", lambda end: data_set(byte, chunked(end)), storm)
    going_on = lambda end: data_set(byte, unwritten, 1, (16, u64(end, 192)))
    shard("header-storm", going_on, continued)
    twice = 11, b"\1\3" + bytes(6) + u16(32000, 0, 0, 0, 32000, 0, 0, 0, 1, 0, 0, 0)
    shard("filter-twice", lambda end: data_set(byte, chunked(end), 1, twice), lambda at: node(0, 1, at, 96, 1))
    shard("deep-type", lambda end: data_set(many * 4000 + byte, unwritten))


for make in (hdf5, parquet, atis_and_slayer, aedat, aedat4, prophesee, event_stream, numpy, matlab, pictures, others):
    make()
