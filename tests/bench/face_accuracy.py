"""Face accuracy and speed beside the `face_recognition` package, on LFW View 2 folds 0-4 (`../shared/data/faces`).

    python -m tests.bench.face_accuracy

Both pipelines see the same images in the same run: decoded file -> detection -> embedding of the face nearest to
the middle. The package's own steps (face_recognition.face_encodings: HOG detector with one upsampling, five-point
predictor, dlib's network) run through dlib-bin. Accuracy: threshold fitted on the other folds. TAR at FMR over every
cross-subject comparison. Times: both pipelines alternate image by image, one thread each, in every run; embeddings
are cached in out/bench (the first run takes some ten minutes).
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gate_client.core.comparison import compare_embeddings
from gate_client.inference.build import build
from gate_client.inference.calibration import Result, calibrate, plot_det, sets_of
from gate_client.inference.collection import Labels, acquire, nearest_to_middle, read_labels
from gate_client.inference.engine import FaceEngine, default_model_dir
from gate_client.inference.fetch import fetch, read_member
from gate_client.inference.registry import load_registry
from gate_client.inference.statistics import ScoreSet, accuracy_by_fold, operating_points
from tests.bench.figures import OUT, SKIPPED, Figures, percentile

DATA = Path("../shared/data/faces")
TIMED_IMAGES = 150
WORKERS = 2
PREDICTOR = (
    "face_recognition_models/models/shape_predictor_5_face_landmarks.dat",
    "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
)


class Peer:
    """The steps of `face_recognition.face_encodings` with its defaults, on the face nearest to the middle."""

    def __init__(self) -> None:
        import dlib

        registry = load_registry()
        file = registry.files["dlib-resnet-v1.onnx"]
        archive = fetch(registry.sources[str(file.source)], default_model_dir() / "sources")
        self._dlib: Any = dlib
        self._detector = dlib.get_frontal_face_detector()
        self._predictor = self._load(dlib.shape_predictor, read_member(archive, *PREDICTOR))
        dat = read_member(archive, str(file.member), str(file.member_sha256))
        self._network = self._load(dlib.face_recognition_model_v1, dat)

    @staticmethod
    def _load(kind: Any, raw: bytes) -> Any:
        with tempfile.NamedTemporaryFile(suffix=".dat") as file:
            file.write(raw)
            file.flush()
            return kind(file.name)

    def detect(self, rgb: NDArray[np.uint8]) -> Any:
        found = list(self._detector(rgb, 1))
        middle = np.array([rgb.shape[1], rgb.shape[0]]) / 2
        if not found:
            return None
        return min(found, key=lambda r: float(np.hypot(r.center().x - middle[0], r.center().y - middle[1])))

    def embed(self, rgb: NDArray[np.uint8], box: Any) -> NDArray[np.float32]:
        shape = self._predictor(rgb, box)
        return np.array(self._network.compute_face_descriptor(rgb, shape, 1), np.float32)


_peer: Peer


def _open_peer() -> None:
    global _peer
    os.nice(5)
    _peer = Peer()


def _peer_embedding(path: str) -> NDArray[np.float32] | None:
    rgb = cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
    box = _peer.detect(rgb)
    return None if box is None else _peer.embed(rgb, box)


def peer_embeddings(labels: Labels) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(images, 128), zeros where the package finds no face, and which it found."""
    kept = OUT / "face_recognition-embeddings.npz"
    if kept.is_file():
        with np.load(kept, allow_pickle=False) as stored:
            if tuple(stored["images"]) == labels.images:
                return stored["vectors"], stored["found"]
    vectors = np.zeros((len(labels.images), 128), np.float32)
    found = np.zeros(len(labels.images), np.bool_)
    paths = [str(DATA / "lfw" / name) for name in labels.images]
    with multiprocessing.get_context("spawn").Pool(WORKERS, _open_peer) as pool:
        for index, vector in enumerate(pool.imap(_peer_embedding, paths, chunksize=16)):
            if vector is not None:
                vectors[index], found[index] = vector, True
            if index % 500 == 0:
                print(f"  face_recognition: {index} of {len(paths)}", flush=True)
    np.savez(kept, allow_pickle=False, vectors=vectors, found=found, images=np.array(labels.images))
    return vectors, found


def peer_result(labels: Labels) -> tuple[float, Result, int]:
    """Accuracy by folds, the operating points of -distance, and how many images had no face."""
    vectors, found = peer_embeddings(labels)
    distances = -np.linalg.norm(vectors[labels.probe] - vectors[labels.reference], axis=1).astype(np.float32)
    distances[~(found[labels.probe] & found[labels.reference])] = -10.0
    first, second = np.triu_indices(len(labels.images), 1)
    usable = found[first] & found[second] & (labels.subject[first] != labels.subject[second])
    squares = (vectors**2).sum(axis=1)
    full = np.sqrt(np.clip(squares[:, None] + squares[None] - 2 * vectors @ vectors.T, 0, None))
    scores = ScoreSet(
        mated=distances[labels.mated],
        mated_subject=labels.subject[labels.probe][labels.mated],
        non_mated=-full[first[usable], second[usable]],
        non_mated_subjects=np.stack([labels.subject[first[usable]], labels.subject[second[usable]]], axis=1),
        images=np.bincount(labels.subject[found], minlength=int(labels.subject.max()) + 1).astype(np.int64),
    )
    accuracy = float(np.mean(accuracy_by_fold(distances, labels.mated, labels.fold)))
    points = operating_points(scores, (1e-3, 1e-4, 1e-5))
    name = "face_recognition (HOG, dlib)"
    return accuracy, Result(name, {}, scores, points, accuracy), int((~found).sum())


def timings(labels: Labels) -> dict[str, list[float]]:
    """Milliseconds a verification takes from a decoded image: detect and embed one probe, compare with a reference."""
    engine, peer = FaceEngine.load(threads=1), Peer()
    cv2.setNumThreads(1)
    stages: dict[str, list[float]] = {key: [] for key in ("ours", "peer", "peer detect", "peer embed", "ours detect")}
    reference = None
    for name in labels.images[:: len(labels.images) // TIMED_IMAGES]:
        image = cv2.imread(str(DATA / "lfw" / name))
        if image is None:
            continue
        pixels = np.asarray(image, np.uint8)
        began = perf_counter()
        faces = engine.analyse(pixels)
        detected = perf_counter()
        if faces:
            embeddings = engine.embed(pixels, nearest_to_middle(faces, pixels))
            compare_embeddings(embeddings, reference or embeddings)
            reference = embeddings
        stages["ours"].append((perf_counter() - began) * 1000)
        stages["ours detect"].append((detected - began) * 1000)
        rgb = np.ascontiguousarray(pixels[..., ::-1])
        began = perf_counter()
        box = peer.detect(rgb)
        detected = perf_counter()
        if box is not None:
            peer.embed(rgb, box)
        stages["peer"].append((perf_counter() - began) * 1000)
        stages["peer detect"].append((detected - began) * 1000)
        stages["peer embed"].append((perf_counter() - detected) * 1000)
    return stages


def main() -> None:
    if not (DATA / "pairs.csv").is_file():
        print(f"skipped: {DATA} is not here (LFW deep-funnelled, View 2 folds 0-4)")
        sys.exit(SKIPPED)
    figures = Figures("face_accuracy")
    registry = load_registry(default_model_dir())
    build(registry, default_model_dir(), progress=lambda _what, _done, _total: None)
    labels = read_labels(DATA / "pairs.csv")
    acquired = acquire(
        labels,
        DATA / "lfw",
        default_model_dir(),
        cache=OUT,
        workers=WORKERS,
        progress=lambda done, total: print(f"  ours: {done} of {total}", flush=True) if done % 500 == 0 else None,
    )
    results = [calibrate(labels, acquired, weights, name) for name, weights in sets_of(registry).items()]
    peer_accuracy, peer, peer_missed = peer_result(labels)
    default = results[0].embedder_set
    for result in results:
        promised = result.embedder_set == default
        label = "default pair" if promised else result.embedder_set
        note = "licence-clean setting" if result.embedder_set == "dlib-resnet-v1" else ""
        figures.add(
            f"accuracy, {label}", result.accuracy or 0, "", target=(">=", 0.99) if promised else None, note=note
        )
        for point in result.points:
            low, high = 1 - point.fnmr_interval[1], 1 - point.fnmr_interval[0]
            wanted = (">=", 0.97) if promised and point.fmr_wanted == 1e-3 else None
            figures.add(
                f"TAR at FMR {point.fmr_wanted:g}, {label}",
                1 - point.fnmr,
                "",
                target=wanted,
                note=f"[{low:.4f}, {high:.4f}]",
            )
    figures.add(
        "accuracy, face_recognition", peer_accuracy, "", note=f"no face in {peer_missed} of {len(labels.images)}"
    )
    for point in peer.points:
        low, high = 1 - point.fnmr_interval[1], 1 - point.fnmr_interval[0]
        figures.add(
            f"TAR at FMR {point.fmr_wanted:g}, face_recognition", 1 - point.fnmr, "", note=f"[{low:.4f}, {high:.4f}]"
        )
    gain = (results[0].accuracy or 0) - peer_accuracy
    figures.add("accuracy above face_recognition", gain, "", target=(">=", 1e-9))
    times = timings(labels)
    for key, values in times.items():
        figures.add(f"{key}, median", percentile(values, 50), "ms", note=f"p95 {percentile(values, 95):.1f}")
    ratio = percentile(times["peer"], 50) / percentile(times["ours"], 50)
    figures.add("verifications per second, ours over face_recognition", ratio, "x", target=(">=", 2.0))
    plot_det([*results, peer], OUT / "face_det.png", "LFW View 2 folds 0-4, every cross-subject comparison")
    figures.write()


if __name__ == "__main__":
    main()
