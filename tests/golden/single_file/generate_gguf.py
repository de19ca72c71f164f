#!/usr/bin/env python3
"""Writes tensors.gguf, a tensor of each type that is read, and tensors.safetensors, the numbers that they stand for.

Both are made by ggml's own Python package. Needs gguf 0.19.0, numpy and safetensors.
"""

from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter
from gguf.quants import dequantize, quantize
from safetensors.numpy import save_file

HERE = Path(__file__).resolve().parent
SHAPES = {Type.F32: (2, 3, 4), Type.F16: (5, 2), Type.BF16: (7,), Type.Q8_0: (3, 64)}

random = np.random.default_rng(5)
writer = GGUFWriter(HERE / "tensors.gguf", "sd1")
writer.add_array("some.array", ["one", "two"])
writer.add_float32("some.number", 0.5)
numbers = {}
for kind, shape in SHAPES.items():
    values = random.standard_normal(shape).astype(np.float32)
    name = f"of.type.{kind.name.lower()}"
    if kind == Type.F16:
        stored = values.astype(np.float16)
        writer.add_tensor(name, stored)
        numbers[name] = stored.astype(np.float32)
    elif kind == Type.F32:
        writer.add_tensor(name, values)
        numbers[name] = values
    else:
        stored = quantize(values, kind)
        writer.add_tensor(name, stored, raw_dtype=kind)
        numbers[name] = dequantize(stored, kind).astype(np.float32).reshape(shape)
# As long as the file's alignment: nothing that could be missing comes after it.
last = random.standard_normal((4, 8)).astype(np.float32)
writer.add_tensor("the.last", last)
numbers["the.last"] = last
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
save_file(numbers, HERE / "tensors.safetensors")
