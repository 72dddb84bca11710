"""The kinds of number, by the names of the array API standard.

`mp.float32`, `mp.int64`, `mp.bool` and the others are NumPy's dtype objects. Wherever a dtype is asked for, its name
("float32", "f32") and NumPy's class (`numpy.float32`) mean the same.
"""

from __future__ import annotations

import numpy as np

from maplet.core import types

bool = np.dtype(np.bool_)
float16, float32, float64 = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)
bfloat16 = types.bfloat16
int8, int16, int32, int64 = np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64)
uint8, uint16, uint32, uint64 = np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.uint32), np.dtype(np.uint64)
