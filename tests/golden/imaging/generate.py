#!/usr/bin/env python3
"""Writes imaging.safetensors and crops.json: what Pillow and Diffusers' VaeImageProcessor make of pictures and masks.

The pictures and masks are formulas that tests/parity/imaging.rs has too. The data, all bytes:
  FILTER/WxH/NEWWxNEWH       a picture in another size [h, w, 3]
  grey/FILTER/WxH/NEWWxNEWH  a mask in another size [h, w]
  coloured/WxH/NEWWxNEWH     a mask in colours in another size, and its brightness [h, w]
  blur/RADIUS/WxH            a mask after ImageFilter.GaussianBlur(RADIUS)
  latent/WxH/NEWWxNEWH       a mask as the latents see it: 0 or 255
  overlay/WxH                apply_overlay of one picture over another along a mask
  file/NAME                  what Pillow reads from files/NAME: upright, RGB, over white, the first frame [h, w, 3]
crops.json: rows of mask rectangle [left, top, right, bottom], mask size, shape, padding, and get_crop_region's answer.

Needs torch 2.13.0, diffusers 0.42.1, Pillow 13.0.0.
"""

import json
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
from diffusers.image_processor import VaeImageProcessor
from PIL import Image, ImageFilter, ImageOps
from safetensors.numpy import save_file

HERE = Path(__file__).resolve().parent
FILTERS = {
    "nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
SIZES = [
    ((101, 70), (96, 64)), ((101, 70), (32, 24)), ((33, 17), (64, 40)), ((1, 1), (8, 16)), ((16, 16), (1, 1)),
    ((200, 2), (16, 16)), ((24, 24), (24, 16)), ((24, 24), (16, 24)), ((24, 24), (24, 24)), ((37, 5), (41, 7)),
]
RADII = [0.3, 1, 2.5, 4, 10, 33.3, 100]


def picture(w, h):
    """Every byte from its place, with all values and both hard and soft edges."""
    y, x, c = np.mgrid[0:h, 0:w, 0:3]
    wild = (x * x * 7 + y * y * 13 + x * y * 5 + c * 89) % 256
    return Image.fromarray(np.where((x // 9 + y // 7) % 2 == 0, wild, (x * 3 + y * 2 + c * 60) % 256).astype(np.uint8))


def mask(w, h):
    """A disc, a soft bar and a grey corner."""
    y, x = np.mgrid[0:h, 0:w]
    disc = np.where((3 * x - w) ** 2 + (3 * y - h) ** 2 < h * h, 255, 0)
    bar = np.where(x * 4 >= 3 * w, (x * 37) % 256, 0)
    corner = np.where((x * 6 < w) & (y * 3 > 2 * h), 127 + (x + y) % 3, 0)
    return Image.fromarray(np.maximum(np.maximum(disc, bar), corner).astype(np.uint8))


def latent(processor, image, width, height):
    """prepare_mask_latents of StableDiffusionInpaintPipeline, for a mask that is as large as the picture drawn."""
    binary = processor.preprocess(image, height=image.height, width=image.width)
    assert binary.shape[2:] == (image.height, image.width)
    return (torch.nn.functional.interpolate(binary, size=(height, width))[0, 0].numpy() * 255).astype(np.uint8)


def crops(processor):
    rng = np.random.default_rng(0)
    rows = []
    while len(rows) < 300:
        w, h = (int(side) for side in rng.integers(1, 90, 2))
        left, top = int(rng.integers(0, w)), int(rng.integers(0, h))
        right, bottom = int(rng.integers(left + 1, w + 1)), int(rng.integers(top + 1, h + 1))
        shape = [int(8 * side) for side in rng.integers(1, 12, 2)]
        padding = int(rng.choice([0, 1, 5, 32, 200]))
        drawn = np.zeros((h, w), np.uint8)
        drawn[top, left] = drawn[bottom - 1, right - 1] = 1
        region = processor.get_crop_region(Image.fromarray(drawn), *shape, padding)
        rows.append([[left, top, right, bottom], [w, h], shape, padding, [int(side) for side in region]])
    # A strip along each edge, a pixel in the middle and in a corner, and all of it; no, some and too much padding.
    w, h = 60, 40
    for left, top, right, bottom in (
        (0, 0, w, 1), (0, h - 1, w, h), (0, 0, 1, h), (w - 1, 0, w, h), (30, 20, 31, 21), (w - 1, h - 1, w, h), (0, 0, w, h)
    ):
        for padding in (0, 32, 500):
            for shape in ([64, 64], [96, 32], [32, 96]):
                drawn = np.zeros((h, w), np.uint8)
                drawn[top, left] = drawn[bottom - 1, right - 1] = 1
                region = processor.get_crop_region(Image.fromarray(drawn), *shape, padding)
                rows.append([[left, top, right, bottom], [w, h], shape, padding, [int(side) for side in region]])
    return rows


def write_inks(smooth, folder):
    """JPEGs of four inks: without Adobe's mark, and with the one that says YCCK, which Pillow reads but doesn't write."""
    black = Image.fromarray((np.mgrid[0:24, 0:40][1] * 5).astype(np.uint8))
    inks = Image.merge("CMYK", [*smooth.split(), black])
    inks.save(folder / "cmyk-plain.jpg", quality=100, subsampling=0)
    file = (folder / "cmyk-plain.jpg").read_bytes()
    # FF EE, the length, "Adobe", a version and flags, and how colours are coded: 0 as they are, 2 as YCCK.
    at = file.index(b"\xff\xee\x00\x0eAdobe")
    (folder / "ycck.jpg").write_bytes(file[:at + 15] + b"\x02" + file[at + 16:])
    (folder / "cmyk-plain.jpg").write_bytes(file[:at] + file[at + 16:])


def write_files():
    """Pictures in all kinds of files, and what is in them."""
    folder = HERE / "files"
    folder.mkdir(exist_ok=True)
    photo, soft = picture(40, 24), mask(40, 24)
    smooth = Image.fromarray(np.stack(np.broadcast_arrays(*np.mgrid[0:24, 0:40] * 6, 90), -1).astype(np.uint8))
    see_through = photo.copy()
    see_through.putalpha(soft)
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(folder / "plain.bmp")
    photo.save(folder / "plain.tiff")
    see_through.save(folder / "see-through.png")
    see_through.save(folder / "see-through.webp", lossless=True, exact=True)
    see_through.convert("LA").save(folder / "see-through-grey.png")
    photo.quantize(16).save(folder / "palette.png", transparency=3)
    # The bytes of a JPEG in CMYK are inverted, as Adobe's are.
    smooth.convert("CMYK").save(folder / "cmyk.jpg", quality=100, subsampling=0)
    write_inks(smooth, folder)
    smooth.save(folder / "turned.jpg", quality=100, subsampling=0, exif=exif)
    soft.save(folder / "grey.jpg", quality=100)
    frames = [photo.quantize(32), smooth.quantize(32), photo.quantize(8)]
    for name in ("animated.gif", "animated.png", "animated.webp"):
        options = {"lossless": True} if name.endswith("webp") else {}
        frames[0].save(folder / name, save_all=True, append_images=frames[1:], duration=100, **options)
    deep = (np.mgrid[0:24, 0:40][1] * 1638 + 77).astype(np.uint16)
    Image.fromarray(deep).save(folder / "deep.png")
    read = {"file/deep.png": np.round(deep / 257).astype(np.uint8)[..., None].repeat(3, -1)}
    for path in sorted(folder.iterdir()):
        if path.name != "deep.png":
            upright = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
            read[f"file/{path.name}"] = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright).convert("RGB")
    return read


def main():
    data = {}
    for (w, h), (new_w, new_h) in SIZES:
        for name, resample in FILTERS.items():
            data[f"{name}/{w}x{h}/{new_w}x{new_h}"] = picture(w, h).resize((new_w, new_h), resample)
            data[f"grey/{name}/{w}x{h}/{new_w}x{new_h}"] = mask(w, h).resize((new_w, new_h), resample)
    for (w, h), (new_w, new_h) in SIZES[:3]:
        # VaeImageProcessor.preprocess resizes before it converts to grey.
        resized = picture(w, h).resize((new_w, new_h), Image.Resampling.LANCZOS)
        data[f"coloured/{w}x{h}/{new_w}x{new_h}"] = resized.convert("L")
    for radius in RADII:
        for w, h in ((101, 70), (9, 40)):
            data[f"blur/{radius:g}/{w}x{h}"] = mask(w, h).filter(ImageFilter.GaussianBlur(radius))
    binary = VaeImageProcessor(vae_scale_factor=1, do_normalize=False, do_binarize=True, do_convert_grayscale=True)
    for (w, h), (new_w, new_h) in (((96, 64), (12, 8)), ((72, 40), (9, 5)), ((40, 24), (7, 5)), ((64, 64), (4, 4))):
        data[f"latent/{w}x{h}/{new_w}x{new_h}"] = latent(binary, mask(w, h), new_w, new_h)
    processor = VaeImageProcessor()
    other = Image.fromarray(255 - np.asarray(picture(70, 48)).transpose(1, 0, 2)[:48, :48].repeat(2, 1)[:, :70])
    data["overlay/70x48"] = processor.apply_overlay(mask(70, 48), picture(70, 48), other)
    data |= write_files()
    arrays = {name: np.ascontiguousarray(np.asarray(value)) for name, value in data.items()}
    save_file(arrays, HERE / "imaging.safetensors")
    (HERE / "crops.json").write_text(json.dumps(crops(processor)).replace("]], [[", "]],\n[[").replace("], [[", "],\n[[") + "\n")


if __name__ == "__main__":
    main()
