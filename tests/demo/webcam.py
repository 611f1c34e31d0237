"""Photographs of whoever sits before the webcam, in the traveller's three roles: three moments, three pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
from rich.console import Console

from tests.demo.journeys import Cast
from tests.demo.pictures import save

WARM_UP_FRAMES = 10


def cast_from_webcam(number: int, folder: Path, packaged: Cast, console: Console) -> Cast:
    """Ask for three photographs; the impostor and the cut-off face stay those of the packages. Raises OSError."""
    camera = cv2.VideoCapture(number)
    try:
        if not camera.isOpened():
            raise OSError(f"webcam {number} cannot be opened")
        taken = {}
        for role, text in (
            ("portrait", "the authority's portrait"),
            ("enrolment", "the enrolment"),
            ("live", "the gate"),
        ):
            console.input(f"Look into the camera for {text}, then press Enter. ")
            for _ in range(WARM_UP_FRAMES):  # exposure settles
                done, frame = camera.read()
            if not done:
                raise OSError(f"webcam {number} gives no picture")
            taken[role] = save(frame, folder / f"{role}.jpg")
    finally:
        camera.release()
    return replace(packaged, **taken)
