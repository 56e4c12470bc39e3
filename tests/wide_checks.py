"""Checks of the int16 kernels on random layers in a process with sanitizers; see kernel_lib.py. Run as: LIBRARY OPERATOR COUNT SEED."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from kernel_lib import Kernels
from packed_checks import check_in_place, check_rectangles, check_whole
from wide_layers import layers

if __name__ == "__main__":
    kernels, op, count, seed = Kernels(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    done = {"whole": 0, "rectangles": 0, "in_place": 0}
    for number, layer in enumerate(layers(op, count, seed)):
        rng = np.random.default_rng([seed, number])
        check_whole(kernels, layer, rng)
        done["whole"] += 1
        done["rectangles"] += check_rectangles(kernels, layer, rng)
        done["in_place"] += check_in_place(kernels, layer, rng)
    print(json.dumps(done))
