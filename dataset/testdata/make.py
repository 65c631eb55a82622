"""Make the .npy files of this folder with NumPy (2.4.6 made those committed).

    python make.py

Every file holds the same 4 x 3 array, element (i, j) = (3*i + j)/4 - 1, which float16 holds exactly, in another type,
byte order, memory order or version of the format; line.npy holds its first column as an array of one dimension.
"""

import pathlib

import numpy as np

folder = pathlib.Path(__file__).parent
array = np.arange(12, dtype=np.float64).reshape(4, 3) / 4 - 1


def write(name, data, version):
    with open(folder / f"{name}.npy", "wb") as file:
        np.lib.format.write_array(file, data, version=version, allow_pickle=False)


for kind in ("f2", "f4", "f8"):
    for mark, order in (("<", "little"), (">", "big")):
        for letter, layout in (("C", "c"), ("F", "fortran")):
            write(f"{kind}-{order}-{layout}", array.astype(mark + kind, order=letter), (1, 0))
write("version2", array, (2, 0))
write("version3", array, (3, 0))
write("line", np.ascontiguousarray(array[:, 0]), (1, 0))
