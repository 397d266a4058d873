"""Files in PyTorch's stream format, written without PyTorch."""

import pickle

import numpy as np

ORDERED_DICT = b"ccollections\nOrderedDict\n)R"
STORAGES = {"<f4": b"ctorch\nFloatStorage\n", "<i8": b"ctorch\nLongStorage\n"}
BEFORE = [
    pickle.dumps(value, 2)
    for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True, "type_sizes": {}})
]


def plain(value):
    """The part of a pickle that puts a plain value on the stack."""
    return pickle.dumps(value, 2)[2:-1]


def tensor(key, storage, length, offset, size, strides):
    """The part of a pickle that rebuilds a view of a storage."""
    place = plain("storage") + storage + plain(key) + plain("cpu") + plain(length)
    view = plain(offset) + plain(size) + plain(strides) + b"\x89" + ORDERED_DICT
    return b"ctorch._utils\n_rebuild_tensor_v2\n((" + place + b"NtQ" + view + b"tR"


def named(parts):
    """The pickle of an ordered dict of such parts by name."""
    items = b"".join(plain(name) + part for name, part in parts.items())
    return b"\x80\x02" + ORDERED_DICT + b"(" + items + b"u."


def stream(views, storages, pickles=None):
    """A file: `views` are name → (key, offset, size, strides), `storages` key → array. `pickles`
    are others than the right ones, by place."""
    parts = {
        name: tensor(key, STORAGES[storages[key].dtype.str], storages[key].size, *view)
        for name, (key, *view) in views.items()
    }
    right = [*BEFORE, named(parts), pickle.dumps(list(storages), 2)]
    made = [(pickles or {}).get(place, value) for place, value in enumerate(right)]
    ends = [array.size.to_bytes(8, "little") + array.tobytes() for array in storages.values()]
    return b"".join(made + ends)


def of_arrays(arrays):
    """A file that holds these arrays, each kernel of four axes with its first axis last in memory,
    as the ones that came from TensorFlow are."""
    views, storages = {}, {}
    for key, (name, array) in enumerate(arrays.items()):
        order = (1, 2, 3, 0) if array.ndim == 4 else tuple(range(array.ndim))
        stored = np.ascontiguousarray(array.transpose(order))
        strides = np.array(stored.strides, int) // stored.itemsize
        back = tuple(int(strides[order.index(axis)]) for axis in range(array.ndim))
        storages[str(key)] = stored.reshape(-1)
        views[name] = (str(key), 0, array.shape, back)
    return stream(views, storages)
