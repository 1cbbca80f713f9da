"""Write golden vectors of transforms: make_transform_vectors.py OUT_DIR [SHARED_DATA].  Needs torch, torchvision, timm, tonic, safetensors.

Every tensor's key is a path: what was done, then its parameters. The inputs are drawn by numpy's PCG64 from fixed seeds,
so the same library versions give the same files. `images` holds Pillow's, torchvision's and timm's answers, `events`
tonic's and torch's, `dvs_pipeline` the event pipeline of the TKS paper's authors (tonic's time bins, then torch's resize)
on twenty drawn recordings and, where SHARED_DATA has N-MNIST, on twenty of its files, of which only hashes are kept.
"""
import hashlib
import io
import os
import pathlib
import sys

# One order of float additions and no fused multiplication, on every processor.
os.environ["ATEN_CPU_CAPABILITY"] = "default"
import numpy as np
import PIL
import timm
import tonic
import tonic.functional
import tonic.transforms
import torch
import torchvision
import torchvision.transforms.functional as F
from PIL import Image
from safetensors.torch import save_file
from timm.data import auto_augment as A
from timm.data.mixup import cutmix_bbox_and_lam
from torch.nn.functional import interpolate
from torchvision.transforms import InterpolationMode as I
from torchvision.transforms import autoaugment as V

torch.set_num_threads(1)
OUT = pathlib.Path(sys.argv[1])
OUT.mkdir(parents=True, exist_ok=True)


def picture(seed, height, width):
    """A smooth color picture with edges and noise, [H, W, 3] u8."""
    g = np.random.Generator(np.random.PCG64(seed))
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / g.uniform(2, 9) + g.uniform(0, 6)) + np.cos(y / g.uniform(2, 9)) for _ in range(3)]
    out = 120 + 55 * np.stack(waves, -1) + g.normal(0, 12, (height, width, 3))
    out[height // 4:height // 2, width // 3:width // 2] = g.uniform(0, 255, 3)
    return Image.fromarray(out.clip(0, 255).astype(np.uint8))


def planes(image):
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def save(name, tensors, source, compare):
    path = OUT / f"{name}.safetensors"
    save_file({k: v.contiguous() for k, v in tensors.items()}, path)
    versions = f"pillow {PIL.__version__}, torch {torch.__version__}, torchvision {torchvision.__version__}, " \
               f"timm {timm.__version__}, tonic {tonic.__version__}"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (OUT / f"{name}.toml").write_text(
        f'script   = "../make_transform_vectors.py"\nsource   = "{source}"\nversions = "{versions}"\n'
        f'sha256   = "{digest}"\ncompare  = "{compare}"\n')
    print(path, path.stat().st_size)


def images():
    a, b = picture(1, 16, 20), picture(2, 40, 56)
    out = {"a": planes(a), "b": planes(b)}
    # RandAugment: every change of the increasing set at two magnitudes and both signs.
    for i, name in enumerate(A._RAND_INCREASING_TRANSFORMS):
        for magnitude in (9.0, 4.3):
            for sign in ("plus", "minus"):
                A._randomly_negate = (lambda v: v) if sign == "plus" else (lambda v: -v)
                op = A.AugmentOp(name, prob=1.0, magnitude=magnitude, hparams=dict(
                    img_mean=(124, 116, 104), interpolation=Image.Resampling.BICUBIC))
                image = planes(op(a))
                if sign == "minus" and torch.equal(image, out[f"rand/{i}/{magnitude}/plus"]):
                    continue
                out[f"rand/{i}/{magnitude}/{sign}"] = image
    # AutoAugment: both changes of every pair, with alternating signs.
    for policy in (V.AutoAugmentPolicy.CIFAR10, V.AutoAugmentPolicy.IMAGENET):
        auto = V.AutoAugment(policy)
        space = auto._augmentation_space(10, (16, 20))
        for pair, steps in enumerate(auto.policies):
            image = a
            for j, (name, _, level) in enumerate(steps):
                magnitudes, signed = space[name]
                magnitude = float(magnitudes[level].item()) if level is not None else 0.0
                if signed and (pair + j) % 2:
                    magnitude *= -1.0
                image = V._apply_op(image, name, magnitude, interpolation=I.NEAREST, fill=None)
            out[f"auto/{policy.value}/{pair}"] = planes(image)
    for factor in (0.0, 0.37, 1.4):
        out[f"brightness/{factor}"] = planes(F.adjust_brightness(a, factor))
        out[f"contrast/{factor}"] = planes(F.adjust_contrast(a, factor))
        out[f"color/{factor}"] = planes(F.adjust_saturation(a, factor))
    # Pillow 13 runs along the columns first for some shapes, which rounds differently; these are not among them.
    kinds = {"nearest": I.NEAREST, "bilinear": I.BILINEAR, "bicubic": I.BICUBIC}
    for name, kind in kinds.items():
        for h, w in ((24, 24), (60, 50), (30, 20), (1, 3)):
            out[f"resize/{name}/{h}/{w}"] = planes(F.resize(b, [h, w], kind))
        for top, left, h, w in ((2, 5, 18, 40), (0, 0, 40, 56), (11, 40, 9, 16)):
            out[f"resized_crop/{name}/{top}/{left}/{h}/{w}"] = planes(F.resized_crop(b, top, left, h, w, [20, 24], kind))
        for degrees in (15.0, -29.3, 0.0):
            out[f"rotate/{name}/{degrees}"] = planes(F.rotate(a, degrees, kind, fill=(9, 8, 7)))
    for side, share in ((24, 0.875), (33, 1.0)):
        out[f"central/{side}/{share}"] = planes(F.center_crop(F.resize(b, int(side / share), I.BILINEAR), side))
    for top, left in ((0, 0), (8, 3), (4, 4)):
        out[f"crop/{top}/{left}"] = planes(F.crop(F.pad(a, 4), top, left, 16, 20))
    out["flip"] = planes(F.hflip(a))
    mean, std = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
    out["normalize"] = F.normalize(F.to_tensor(a), mean, std)
    # Mixup and CutMix of two pictures, as timm's Mixup with a given weight or box.
    x, y = F.to_tensor(a), F.to_tensor(picture(3, 16, 20))
    out |= {"mix/x": x, "mix/y": y, "mixup/0.3": x * 0.3 + y * (1 - 0.3)}
    for lam, seed in ((0.3, 5), (0.9, 6)):
        np.random.seed(seed)
        (y0, y1, x0, x1), share = cutmix_bbox_and_lam(x.shape, lam)
        np.random.seed(seed)
        cut_h, cut_w = int(16 * np.sqrt(1 - lam)), int(20 * np.sqrt(1 - lam))
        row, column = np.random.randint(0, 16), np.random.randint(0, 20)
        assert (y0, x0) == (max(row - cut_h // 2, 0), max(column - cut_w // 2, 0))
        mixed = x.clone()
        mixed[:, y0:y1, x0:x1] = y[:, y0:y1, x0:x1]
        out[f"cutmix/{lam}/{row}/{column}"] = mixed
        out[f"cutmix_share/{lam}/{row}/{column}"] = torch.tensor([share], dtype=torch.float32)
    save("images", out, "Pillow, torchvision and timm", "equal; normalize and mixup 1e-6")


def pictures():
    """Files as Pillow writes them, and what it reads from them."""
    a, out = picture(4, 21, 30), {}
    files = {
        "jpeg/444": (a, "JPEG", dict(quality=90, subsampling=0)), "jpeg/420": (a, "JPEG", dict(quality=90, subsampling=2)),
        "jpeg/progressive": (a, "JPEG", dict(quality=80, progressive=True)), "jpeg/grey": (a.convert("L"), "JPEG", dict(quality=90)),
        "png/rgb": (a, "PNG", {}), "png/grey": (a.convert("L"), "PNG", {}), "png/rgba": (a.convert("RGBA"), "PNG", {}),
        "png/palette": (a.quantize(16), "PNG", {}), "png/bilevel": (a.convert("1"), "PNG", {}),
    }
    for name, (image, kind, options) in files.items():
        file = io.BytesIO()
        image.save(file, kind, **options)
        out[f"file/{name}"] = torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8)
        out[f"pixels/{name}"] = planes(Image.open(file).convert("RGB"))
    save("pictures", out, "Pillow", "png equal, jpeg within 8 levels and 0.5 on average")


EVENT = np.dtype([("t", np.int64), ("x", np.int64), ("y", np.int64), ("p", np.int64)])


def recording(seed, n, side, duration, spread=12):
    """Sorted events that begin anywhere, gathered about a moving point; some share a time or a pixel."""
    g = np.random.Generator(np.random.PCG64(seed))
    events = np.zeros(n, EVENT)
    events["t"] = np.sort(g.integers(0, duration, n)) + g.integers(0, 1 << 20)
    path = np.linspace(0.2, 0.8, n) * side
    for axis in "xy":
        events[axis] = (path + g.normal(0, side / spread, n)).clip(0, side - 1)
    events["p"] = g.integers(0, 2, n)
    return events


def stored(events, name):
    small = {"t": torch.int32, "x": torch.uint8, "y": torch.uint8, "p": torch.uint8}
    return {f"{name}/{k}": torch.from_numpy(events[k].copy()).to(kind) for k, kind in small.items()}


def events():
    sensor = (16, 12, 2)
    e = recording(1, 120, 12, 40_000)
    out = stored(e, "events")
    to_frame = lambda **how: torch.from_numpy(tonic.functional.to_frame_numpy(e.copy(), sensor, **how)).to(torch.uint8)
    for n in (1, 4, 7):
        out |= {f"frames/time/{n}": to_frame(n_time_bins=n), f"frames/count-even/{n}": to_frame(n_event_bins=n)}
        out[f"voxel/{n}"] = torch.from_numpy(tonic.functional.to_voxel_grid_numpy(e.copy(), sensor, n)).float()
    for keep in (False, True):
        for window in (3_000, 9_999, 60_000):
            out[f"window/time/{window}/{keep}"] = to_frame(time_window=window, include_incomplete=keep)
        for count in (17, 40, 200):
            out[f"window/count/{count}/{keep}"] = to_frame(event_count=count, include_incomplete=keep)
    for dt, tau in ((5_000, 20_000.0), (12_000, 3_000.0)):
        surface = tonic.functional.to_timesurface_numpy(e.copy(), sensor, dt, tau)
        out[f"surface/{dt}/{int(tau)}"] = torch.from_numpy(surface).float()
    T = tonic.transforms
    for name, change in {
        "flip_x": T.RandomFlipLR(sensor, p=1), "flip_y": T.RandomFlipUD(sensor, p=1),
        "flip_polarity": T.RandomFlipPolarity(p=1), "reverse_time": T.RandomTimeReversal(p=1),
    }.items():
        out |= stored(change(e.copy()), name)
    # The place of tonic's crop, and the events that its drops take away, from its own draws.
    for seed in (3, 4):
        np.random.seed(seed)
        left, top = int(np.random.rand() * (16 - 9)), int(np.random.rand() * (12 - 7))
        np.random.seed(seed)
        out |= stored(T.RandomCrop(sensor, (9, 7))(e.copy()), f"crop/{top}/{left}/7/9")
    np.random.seed(5)
    left, top = np.random.randint(0, 16 - 6), np.random.randint(0, 12 - 4)
    np.random.seed(5)
    out |= stored(T.DropEventByArea(sensor, 0.4)(e.copy()), f"drop_area/{top}/{left}/4/6")
    np.random.seed(6)
    dropped = np.random.choice(120, int(0.3 * 120 + 0.5), replace=False)
    np.random.seed(6)
    out |= stored(T.DropEvent(0.3)(e.copy()), "drop")
    out["dropped"] = torch.from_numpy(np.sort(dropped)).to(torch.uint8)
    # Frames as tensors: torch and torchvision.
    x = torch.from_numpy(np.random.Generator(np.random.PCG64(9)).poisson(0.7, (2, 2, 14, 18)).astype(np.float32))
    out["x"] = x
    for degrees in (12.0, -28.5):
        out[f"turn/rotate/{degrees}"] = F.rotate(x, degrees, I.NEAREST)
        out[f"turn/shear/{degrees}"] = F.affine(x, 0.0, [0, 0], 1.0, [degrees, 0.0], I.NEAREST)
    for down, right in ((3, -2), (-14, 5)):
        out[f"roll/{down}/{right}"] = torch.roll(x, (down, right), (2, 3))
    for corners in (False, True):
        for h, w in ((7, 9), (20, 18), (1, 30)):
            out[f"resize/{corners}/{h}/{w}"] = interpolate(x, size=[h, w], mode="bilinear", align_corners=corners)
    out["reversed"] = torch.from_numpy(T.RandomTimeReversal(p=1)(x.numpy()))
    # EventMix with three bells, as BrainCog weighs it.
    bells = [(0.75, (0, 3, 9), (1.5, 3.0, 2.0)), (0.375, (1, 12, 4), (0.5, 2.0, 6.0)), (0.875, (1, 7, 15), (1.0, 5.5, 3.25))]
    t, row, column = np.mgrid[0:2, 0:14, 0:18]
    level = sum(h * np.exp(-sum(((at - c) / d) ** 2 for at, c, d in zip((t, row, column), center, by)) / 2) for h, center, by in bells)
    mask = level > np.sort(level.ravel())[int(level.size * 0.7) - 1]
    other = torch.from_numpy(np.random.Generator(np.random.PCG64(10)).poisson(0.4, x.shape).astype(np.float32))
    both = torch.from_numpy(mask)[:, None].expand_as(x)
    x_share, other_share = x[both].sum() / x.sum(), other[both].sum() / other.sum()
    out |= {"event_mix/other": other, "event_mix/mask": torch.from_numpy(mask).to(torch.uint8), "event_mix/mixed": torch.where(both, other, x),
            "event_mix/bells": torch.tensor([[h, *center, *by] for h, center, by in bells]).float(),
            "event_mix/weight": (1 - other_share / (1 - x_share + other_share))[None]}
    save("events", out, "tonic and torch", "equal; voxel and surface 1e-6")


def pipeline(e, side):
    """Ten time bins of the whole recording, the rest dropped, at 48 x 48."""
    frames = tonic.functional.to_frame_numpy(e, (side, side, 2), n_time_bins=10)
    return interpolate(torch.from_numpy(frames).float(), size=[48, 48], mode="bilinear", align_corners=True)


def digest(x):
    return torch.frombuffer(bytearray(hashlib.sha256(x.numpy().astype("<f4").tobytes()).digest()), dtype=torch.uint8)


def dvs_pipeline(shared):
    out = {}
    for i in range(20):
        e = recording(100 + i, 150 + 37 * i, 128, 400_000 + 41_111 * i, 50)
        frames = pipeline(e, 128)
        out |= stored(e, f"{i}") | {f"{i}/sha256": digest(frames)}
    out["0/first"] = pipeline(recording(100, 150, 128, 400_000, 50), 128)[0]
    if shared:
        files = sorted((shared / "n-mnist-1100" / "Train").glob("*/*.bin"))[::50]
        for path in files:
            b = np.fromfile(path, np.uint8).reshape(-1, 5).astype(np.int64)
            e = np.zeros(len(b), EVENT)
            e["x"], e["y"], e["p"] = b[:, 0], b[:, 1], b[:, 2] >> 7
            e["t"] = ((b[:, 2] & 127) << 16) | (b[:, 3] << 8) | b[:, 4]
            out[f"nmnist/{path.parent.name}/{path.name}"] = digest(pipeline(e, 34))
        assert len(files) == 20
    save("dvs_pipeline", out, "tonic's time bins, torch's resize", "sha256 of 10 x 2 x 48 x 48 little-endian floats equal")


def main():
    images()
    pictures()
    events()
    dvs_pipeline(pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None)


if __name__ == "__main__":
    main()
