"""Draws the icon, a plate of noise that is being burnished into a smooth copper disc, as each system wants it. Needs numpy and Pillow."""

from pathlib import Path

import numpy as np
from PIL import Image

OVER = 4


def draw(size: int) -> Image.Image:
    n = size * OVER
    y, x = (np.mgrid[0:n, 0:n] + 0.5) / n
    ground, copper = np.array([24, 22, 22.0]), np.array([222, 138, 78.0])
    disc = np.hypot(x - 0.5, y - 0.5) < 0.33
    shade = 1.12 - 0.5 * np.hypot(x - 0.36, y - 0.34)
    smooth = np.where(disc[..., None], copper * shade[..., None], ground)
    noise = np.kron(np.random.default_rng(3).normal(0, 1, (32, 32)), np.ones((n // 32, n // 32)))
    rough = 118 + 62 * noise[..., None] * np.array([1.0, 0.86, 0.76]) * 0.9
    done = np.clip((x + 0.25 * y - 0.38) / 0.3, 0, 1)[..., None]
    plate = np.clip(rough * (1 - done) + smooth * done, 0, 255)
    edge = np.maximum(np.abs(x - 0.5), np.abs(y - 0.5))
    corner = np.hypot(np.maximum(np.abs(x - 0.5) - 0.36, 0), np.maximum(np.abs(y - 0.5) - 0.36, 0))
    inside = ((corner < 0.11) & (edge < 0.47)) * 255.0
    rgba = np.concatenate([plate, inside[..., None]], 2).astype(np.uint8)
    return Image.fromarray(rgba).resize((size, size), Image.LANCZOS)


here = Path(__file__).parent
packaging = here.parent / "packaging"
picture = draw(256)
picture.save(here / "icon.png", optimize=True)
picture.save(packaging / "windows/burnisher.ico", sizes=[(n, n) for n in (16, 24, 32, 48, 64, 128, 256)])
draw(512).save(packaging / "macos/burnisher.icns")
