"""A labelled collection of photographs: acquire every face once, then compare all of them as a gate would."""

from __future__ import annotations

import csv
import hashlib
import inspect
import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gate_client.core import alignment
from gate_client.core.template import quantise, transform
from gate_client.inference import boxes, embedder, faces, mtcnn, yunet
from gate_client.inference.engine import CaptureRefused, FaceEngine
from gate_client.inference.faces import Face, Image
from gate_client.inference.photograph import MalformedImage, decode
from gate_client.inference.statistics import ScoreSet

Float32 = NDArray[np.float32]
Progress = Callable[[int, int], None]
SEED = bytes(16)
"""One fixed key for a whole collection: scores under one key are what a gate sees, whichever key it is."""


class CollectionError(ValueError):
    """The labels cannot be used; the message says why."""


@dataclass(frozen=True, eq=False)
class Labels:
    """probe, reference (n,): indices into `images`; mated (n,); fold (n,). subject (images,): index of the person."""

    images: tuple[str, ...]
    subject: NDArray[np.int32]
    probe: NDArray[np.int64]
    reference: NDArray[np.int64]
    mated: NDArray[np.bool_]
    fold: NDArray[np.int64]


def read_labels(pairs: Path) -> Labels:
    """A CSV with the columns probe, reference, mated (0 or 1) and, if present, fold. The folder names the person.

    Raises CollectionError where a row contradicts its folders.
    """
    try:
        with pairs.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        names = sorted({row[key] for row in rows for key in ("probe", "reference")})
        index = {name: position for position, name in enumerate(names)}
        people = [str(Path(name).parent) for name in names]
        _, subject = np.unique(np.array(people), return_inverse=True)
        labels = Labels(
            images=tuple(names),
            subject=subject.astype(np.int32),
            probe=np.array([index[row["probe"]] for row in rows], np.int64),
            reference=np.array([index[row["reference"]] for row in rows], np.int64),
            mated=np.array([int(row["mated"]) == 1 for row in rows], np.bool_),
            fold=np.array([int(row.get("fold") or 0) for row in rows], np.int64),
        )
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise CollectionError(f"{pairs}: needs the columns probe, reference, mated[, fold]: {error!r}") from error
    wrong = (labels.subject[labels.probe] == labels.subject[labels.reference]) != labels.mated
    if not rows or wrong.any():
        raise CollectionError(f"{pairs}: {int(wrong.sum())} of {len(rows)} rows contradict the folders")
    return labels


@dataclass(frozen=True, eq=False)
class Acquired:
    """embeddings: (images, dimension) by embedder, rows of zeros where no face was found. found (images,).
    refusals: how many images each gate reason would have refused at a lane."""

    embeddings: dict[str, Float32]
    found: NDArray[np.bool_]
    refusals: dict[str, int]


def acquire(
    labels: Labels, root: Path, model_dir: Path, *, cache: Path | None, workers: int, progress: Progress
) -> Acquired:
    """Find and embed the face nearest to the middle of every image (the labelled person in such collections).

    Quality gates refuse nothing here, so that error rates are not flattered; what they would refuse is counted.
    Embeddings are kept in `cache` under the hash of models, registry, image names and the code they depend on.
    """
    engine = FaceEngine.load(model_dir)
    kept = cache / f"embeddings-{_key(labels, engine)}.npz" if cache else None
    if kept and kept.is_file():
        with np.load(kept, allow_pickle=False) as stored:
            embeddings = {name: stored[name] for name in engine.embedders}
            return Acquired(embeddings, stored["found"], json.loads(str(stored["refusals"])))
    embeddings = {name: np.zeros((len(labels.images), size), np.float32) for name, size in engine.dimensions.items()}
    found = np.zeros(len(labels.images), np.bool_)
    refusals: dict[str, int] = {}
    for position, (vectors, refused) in enumerate(_each(labels.images, root, model_dir, workers)):
        for reason in refused:
            refusals[reason] = refusals.get(reason, 0) + 1
        for name, vector in vectors.items():
            embeddings[name][position] = vector
            found[position] = True
        progress(position + 1, len(labels.images))
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, allow_pickle=False, found=found, refusals=np.array(json.dumps(refusals)), **embeddings)
    return Acquired(embeddings, found, refusals)


def _key(labels: Labels, engine: FaceEngine) -> str:
    code = [inspect.getsource(module) for module in (alignment, boxes, embedder, faces, mtcnn, yunet)]
    content = json.dumps([engine.model_hashes, engine.settings, labels.images, code], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


Found = tuple[dict[str, Float32], tuple[str, ...]]


def _each(images: Sequence[str], root: Path, model_dir: Path, workers: int) -> Iterator[Found]:
    paths = [str(root / name) for name in images]
    if workers <= 1:
        _open(model_dir)
        yield from map(_acquire_one, paths)
        return
    with multiprocessing.get_context("spawn").Pool(workers, _open, (model_dir,)) as pool:
        yield from pool.imap(_acquire_one, paths, chunksize=16)


_engine: FaceEngine


def _open(model_dir: Path) -> None:
    """Each process has one engine."""
    global _engine
    _engine = FaceEngine.load(model_dir)


def _acquire_one(path: str) -> Found:
    """Embeddings of the central face ({} where none is found), and what a gate would have refused the image for."""
    try:
        image = decode(Path(path).read_bytes())
    except (OSError, MalformedImage) as error:
        raise CollectionError(f"{path}: {error}") from error
    seen = _engine.analyse(image)
    if not seen:
        return {}, ("no_face",)
    face = nearest_to_middle(seen, image)
    try:
        refused = _engine.judge(image, face).failures
        return _engine.embed(image, face), refused
    except CaptureRefused as refusal:
        return {}, (refusal.reason.value,)


def nearest_to_middle(seen: Sequence[Face], image: Image) -> Face:
    """The face whose box centre is closest to the centre of the image."""
    middle = np.array([image.shape[1], image.shape[0]]) / 2
    return min(seen, key=lambda f: float(np.hypot(*(np.array(f.box[:2]) + np.array(f.box[2:]) / 2 - middle))))


def as_compared(embeddings: Float32, name: str) -> tuple[Float32, Float32]:
    """(probes, references), both (n, d) of unit length: rotated by one key, the references rounded to int8."""
    probes = transform(embeddings, seed=SEED, embedder=name)
    references = np.zeros_like(probes)
    for row, vector in enumerate(probes):
        if np.any(vector):
            reference = np.frombuffer(quantise(vector), np.int8).astype(np.float64)
            references[row] = reference / np.linalg.norm(reference)
    return probes.astype(np.float32), references.astype(np.float32)


def score_all(
    labels: Labels, acquired: Acquired, weights: dict[str, float], *, quantised: bool = True
) -> tuple[ScoreSet, Float32]:
    """Every cross-subject comparison and the labelled mated ones, and the scores of the labelled pairs in their order.

    quantised: references are int8 templates, as at a gate. Images without a face take no part; a labelled pair with one
    scores -1, below every threshold.
    """
    sides = {
        name: as_compared(acquired.embeddings[name], name) if quantised else (acquired.embeddings[name],) * 2
        for name in weights
    }
    pair = np.zeros(labels.probe.size, np.float32)
    for name, weight in weights.items():
        probes, references = sides[name]
        pair += np.float32(weight) * np.einsum("nd,nd->n", probes[labels.probe], references[labels.reference])
    pair[~(acquired.found[labels.probe] & acquired.found[labels.reference])] = -1.0
    first, second = np.triu_indices(len(labels.images), 1)
    usable = acquired.found[first] & acquired.found[second] & (labels.subject[first] != labels.subject[second])
    first, second = first[usable].astype(np.int32), second[usable].astype(np.int32)
    full = np.zeros((len(labels.images),) * 2, np.float32)
    for name, weight in weights.items():
        probes, references = sides[name]
        full += np.float32(weight) * (probes @ references.T)
    images = np.bincount(labels.subject[acquired.found], minlength=int(labels.subject.max()) + 1)
    return (
        ScoreSet(
            mated=pair[labels.mated],
            mated_subject=labels.subject[labels.probe][labels.mated],
            non_mated=full[first, second],
            non_mated_subjects=np.stack([labels.subject[first], labels.subject[second]], axis=1),
            images=images.astype(np.int64),
        ),
        pair,
    )
