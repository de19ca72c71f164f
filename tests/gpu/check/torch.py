"""The operations of operations.rs through torch on a CUDA or ROCm device: a line of JSON each, the median of five."""
import json
import statistics
import sys
import time

import torch
from torch.nn import functional as F

assert torch.cuda.is_available()
DTYPE = {"f16": torch.float16, "f32": torch.float32}[sys.argv[1]]
torch.backends.cudnn.benchmark = True


def measure(name, operations, call):
    def once():
        start = time.perf_counter()
        call()
        torch.cuda.synchronize()
        return time.perf_counter() - start

    for _ in range(3):
        once()
    seconds = statistics.median(once() for _ in range(5))
    print(json.dumps({"operation": name, "torch_ms": seconds * 1e3, "torch_tflops": operations / seconds / 1e12}))


def random(*shape):
    return torch.rand(shape, device="cuda", dtype=DTYPE) - 0.5


with torch.no_grad():
    for b, c, o, s, k in [(2, 320, 320, 64, 3), (2, 640, 640, 32, 3), (2, 1280, 1280, 16, 3), (2, 1280, 1280, 8, 3),
                          (1, 128, 128, 512, 3), (1, 256, 256, 256, 3), (2, 320, 320, 64, 1)]:
        x, w, bias = random(b, c, s, s), random(o, c, k, k), random(o)
        x, w = (t.to(memory_format=torch.channels_last) for t in (x, w))
        measure(f"conv {b}x{c}->{o} {k}x{k} @{s}", 2 * b * c * o * s * s * k * k, lambda: F.conv2d(x, w, bias, padding=k // 2))
    for n, i, o in [(8192, 320, 320), (8192, 320, 2560), (2048, 640, 5120), (512, 1280, 1280)]:
        x, w, bias = random(1, n, i), random(o, i), random(o)
        measure(f"linear {n} {i}->{o}", 2 * n * i * o, lambda: F.linear(x, w, bias))
    for b, n, k, h, d in [(2, 4096, 4096, 8, 40), (2, 4096, 4096, 5, 64), (2, 1024, 1024, 8, 80), (2, 256, 256, 8, 160),
                          (2, 4096, 77, 8, 40), (1, 4096, 4096, 1, 512)]:
        q, keys, v = random(b, h, n, d), random(b, h, k, d), random(b, h, k, d)
        measure(f"attention {b}x{n}x{k} {h}x{d}", 4 * b * n * k * h * d, lambda: F.scaled_dot_product_attention(q, keys, v))
    for b, c, s in [(2, 320, 64), (1, 128, 512)]:
        x, w, bias = random(b, c, s, s), random(c), random(c)
        measure(f"group norm {b}x{c} @{s}", 8 * b * c * s * s, lambda: F.silu(F.group_norm(x, 32, w, bias)))
