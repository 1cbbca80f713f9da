"""Write golden vectors of transforms: make_transform_vectors.py OUT_DIR.  Needs torch, torchvision, timm, tonic, safetensors.

Every tensor's key is a path: what was done, then its parameters. The inputs are drawn by numpy's PCG64 from fixed seeds,
so the same library versions give the same files. `images` holds Pillow's, torchvision's and timm's answers, `events`
tonic's and torch's, `dvs_pipeline` the event pipeline of the TKS paper's authors (tonic's time bins, then torch's resize).
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
import torch
import torchvision
import torchvision.transforms.functional as F
from PIL import Image
from safetensors.torch import save_file
from timm.data import auto_augment as A
from timm.data.mixup import cutmix_bbox_and_lam
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
    a, b = picture(1, 24, 28), picture(2, 40, 56)
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
        space = auto._augmentation_space(10, (24, 28))
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
        out[f"crop/{top}/{left}"] = planes(F.crop(F.pad(a, 4), top, left, 24, 28))
    out["flip"] = planes(F.hflip(a))
    mean, std = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
    out["normalize"] = F.normalize(F.to_tensor(a), mean, std)
    # Mixup and CutMix of two pictures, as timm's Mixup with a given weight or box.
    x, y = F.to_tensor(a), F.to_tensor(picture(3, 24, 28))
    out |= {"mix/x": x, "mix/y": y, "mixup/0.3": x * 0.3 + y * (1 - 0.3)}
    for lam, seed in ((0.3, 5), (0.9, 6)):
        np.random.seed(seed)
        (y0, y1, x0, x1), share = cutmix_bbox_and_lam(x.shape, lam)
        np.random.seed(seed)
        cut_h, cut_w = int(24 * np.sqrt(1 - lam)), int(28 * np.sqrt(1 - lam))
        row, column = np.random.randint(0, 24), np.random.randint(0, 28)
        assert (y0, x0) == (max(row - cut_h // 2, 0), max(column - cut_w // 2, 0))
        mixed = x.clone()
        mixed[:, y0:y1, x0:x1] = y[:, y0:y1, x0:x1]
        out[f"cutmix/{lam}/{row}/{column}"] = mixed
        out[f"cutmix_share/{lam}/{row}/{column}"] = torch.tensor([share], dtype=torch.float64)
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


def main():
    images()
    pictures()


if __name__ == "__main__":
    main()
