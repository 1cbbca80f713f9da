"""torchvision's and timm's rates for the work of image_rate.rs: python image_rate.py [FOLDER_OF_JPEGS], one thread.

Needs torch, torchvision and timm.
"""
import io
import pathlib
import statistics
import sys
import time

import numpy as np
import torch
import torchvision.transforms as V
from PIL import Image, ImageOps
from timm.data import auto_augment
from timm.data.random_erasing import RandomErasing

ROUNDS = 5
torch.set_num_threads(1)


def rate(images, transform):
    rates = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for image in images:
            transform(image)
        rates.append(len(images) / (time.perf_counter() - start))
    return statistics.median(rates)


def cifar_star():
    # Pillow 13 refuses to keep 0 bits, which timm asks for at the greatest magnitude.
    auto_augment.NAME_TO_OP["PosterizeIncreasing"] = lambda image, bits, **_: ImageOps.posterize(image, max(bits, 1))
    hparams = dict(img_mean=(124, 116, 104), interpolation=Image.BICUBIC)
    transform = V.Compose([
        V.RandomCrop(32, padding=4), V.RandomHorizontalFlip(),
        auto_augment.rand_augment_transform("rand-m9-mstd0.5-inc1", hparams),
        V.ToTensor(), V.Normalize((0.49, 0.48, 0.45), (0.2, 0.2, 0.2)), RandomErasing(0.25, mode="pixel", device="cpu")])
    walk = np.random.default_rng(1).uniform(-20, 20, (1024, 32 * 32 * 3)).cumsum(1)
    pixels = np.abs((walk + 128) % 510 - 255).astype(np.uint8).reshape(-1, 32, 32, 3)
    return rate([Image.fromarray(x) for x in pixels], transform)


def crops(folder):
    files = [path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix.lower() in (".jpg", ".jpeg")]
    transform = V.Compose([
        lambda data: Image.open(io.BytesIO(data)).convert("RGB"), V.RandomResizedCrop(224), V.RandomHorizontalFlip(),
        V.ToTensor(), V.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])
    return rate(files, transform)


if len(sys.argv) > 1:
    print(f"crop_224 images/s {crops(pathlib.Path(sys.argv[1])):.0f}")
else:
    print(f"cifar_star images/s {cifar_star():.0f}")
