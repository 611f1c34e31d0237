"""From a registry entry to a detector."""

from __future__ import annotations

from pathlib import Path

from gate_client.inference.faces import Detector
from gate_client.inference.mtcnn import Mtcnn
from gate_client.inference.registry import DetectorSpec, Registry, YunetSpec
from gate_client.inference.yunet import Yunet


def open_detector(spec: DetectorSpec, model_dir: Path, registry: Registry, *, threads: int) -> Detector:
    """Load the networks of a detector. Raises ModelsMissing."""
    if isinstance(spec, YunetSpec):
        return Yunet(spec, model_dir, registry, threads=threads)
    return Mtcnn(spec, model_dir, registry, threads=threads)
