"""Data: reading tables and images, preprocessing that is learned from the training part, splits and batches.

The way of a table to a network::

    read_table ──▶ Table ──split──▶ train, validation, test
                                      │
                     Features.fit, ClassTarget.fit or NumberTarget.fit (train only)
                                      │
                     transform, encode (each part) ──▶ x (N, D), y (N,) or (N, 1)
"""

from maplet.data.arrays import check_array
from maplet.data.batches import batch_slices, permutation
from maplet.data.cells import GAPS, Cells
from maplet.data.columns import CategoryColumn, NumberColumn
from maplet.data.csv_file import read_table, write_table
from maplet.data.digits import read_digits
from maplet.data.features import Categories, Features
from maplet.data.idx import LabelledImages, read_idx, read_idx_folder
from maplet.data.npy import read_npy
from maplet.data.scaling import Scaling
from maplet.data.splits import split
from maplet.data.stream import Stream
from maplet.data.table import Table, drop_missing
from maplet.data.targets import ClassTarget, NumberTarget, target_from_dict
from maplet.data.task import Task, decide_task

__all__ = [
    "GAPS",
    "Categories",
    "CategoryColumn",
    "Cells",
    "ClassTarget",
    "Features",
    "LabelledImages",
    "NumberColumn",
    "NumberTarget",
    "Scaling",
    "Stream",
    "Table",
    "Task",
    "batch_slices",
    "check_array",
    "decide_task",
    "drop_missing",
    "permutation",
    "read_digits",
    "read_idx",
    "read_idx_folder",
    "read_npy",
    "read_table",
    "split",
    "target_from_dict",
    "write_table",
]
