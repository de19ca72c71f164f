"""What we download Python opens, and what Python downloads we open; writes cache.txt, the cache as Python lays it out.

    cargo test --test hub python::serve -- --ignored --nocapture        # prints ENDPOINT, serves until its stdin ends
    python tests/golden/hub/interop.py ENDPOINT target/debug/burnisher

Made with huggingface_hub 2.4.0 and diffusers 0.42.1. Both read their environment when they are imported, so each step
is a process of its own.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

MODEL = "acme/tiny-sd15"
GOLDEN = Path(__file__).with_name("cache.txt")

DRAW = f"""
import torch
from diffusers import DiffusionPipeline
pipe = DiffusionPipeline.from_pretrained({MODEL!r})
pipe.set_progress_bar_config(disable=True)
image = pipe("a fox", num_inference_steps=2, width=64, height=64, generator=torch.Generator().manual_seed(3)).images[0]
print(type(pipe).__name__, image.size, image.getpixel((0, 0)))
"""

FETCH = f"""
import sys
from huggingface_hub import snapshot_download
print(snapshot_download({MODEL!r}, allow_patterns=sys.argv[1:]))
"""


def run(command, **variables):
    """Runs a command with these variables and no others of the Hub's; its last line."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    env |= {"TORCH_THREADS": "1", "NO_PROXY": "127.0.0.1", "HF_HUB_DISABLE_XET": "1"} | variables
    done = subprocess.run(command, env=env, check=True, text=True, stdout=subprocess.PIPE)
    return done.stdout.strip().splitlines()[-1]


def listing(cache):
    """Names, what links point to, and what refs say; without `trees`, a listing that only Python keeps."""
    for path in sorted(cache.rglob("*")):
        name = path.relative_to(cache).as_posix()
        if path.is_symlink():
            yield f"{name} -> {os.readlink(path)}"
        elif path.is_file() and "/trees/" not in name:
            is_told = "/refs/" in name or name == "CACHEDIR.TAG"
            # As Rust's `{:?}` writes it.
            text = path.read_text().replace("\n", "\\n").replace("\t", "\\t") if is_told else ""
            yield f'{name}: "{text}"' if is_told else f"{name}: {path.stat().st_size} bytes"


def main(endpoint, burnisher):
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as pythons:
        snapshot = Path(run([burnisher, "download", MODEL], HF_ENDPOINT=endpoint, HF_HOME=ours))
        print("we downloaded", snapshot)
        drawn = run([sys.executable, "-c", DRAW], HF_HUB_OFFLINE="1", HF_HOME=ours)
        print("Python drew with it, offline:", drawn)

        files = [path.relative_to(snapshot).as_posix() for path in snapshot.rglob("*") if path.is_file()]
        fetched = run([sys.executable, "-c", FETCH, *files], HF_ENDPOINT=endpoint, HF_HOME=pythons)
        print("Python downloaded", fetched)
        arguments = ["generate", "--model", MODEL, "--prompt", "a fox", "--steps", "2", "--seed", "3", "--device", "cpu"]
        arguments += ["--width", "64", "--height", "64", "--output", os.path.join(pythons, "fox.png")]
        print("we drew with it, offline:", run([burnisher, *arguments], HF_HUB_OFFLINE="1", HF_HOME=pythons))
        again = run([burnisher, "download", MODEL, "--json"], HF_ENDPOINT=endpoint, HF_HOME=pythons)
        print("and had nothing to download:", again)

        caches = [sorted(listing(Path(home) / "hub")) for home in (ours, pythons)]
        GOLDEN.write_text("\n".join(caches[1]) + "\n")
        for line in set(caches[0]) ^ set(caches[1]):
            print("the caches differ:", line)


if __name__ == "__main__":
    main(*sys.argv[1:])
