"""Photographs of whoever sits before the webcam, in the traveller's three roles: three moments, three pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
from rich.console import Console

from tests.demo.journeys import Cast
from tests.demo.pictures import save

WARM_UP_FRAMES = 10
ROLES = {"portrait": "the authority's portrait", "enrolment": "the enrolment", "live": "the gate"}


class WebcamError(Exception):
    """No photographs can be taken; the message is one line for the person at the terminal."""


def cast_from_webcam(number: int, folder: Path, packaged: Cast, console: Console) -> Cast:
    """Ask for three photographs; the impostor and the cut-off face stay those of the packages. Raises WebcamError."""
    camera = cv2.VideoCapture(number)
    try:
        if not camera.isOpened():
            raise WebcamError(f"webcam {number} cannot be opened")
        taken = {role: _photograph(camera, folder / f"{role}.jpg", text, console) for role, text in ROLES.items()}
    except OSError as error:
        raise WebcamError(f"webcam {number}: {error}") from error
    except EOFError as error:
        raise WebcamError(f"webcam {number}: nobody can press Enter here; run it in a terminal") from error
    finally:
        camera.release()
    return replace(packaged, **taken)


def _photograph(camera: cv2.VideoCapture, path: Path, text: str, console: Console) -> Path:
    console.input(f"Look into the camera for {text}, then press Enter. ")
    for _ in range(WARM_UP_FRAMES):  # exposure settles, and frames from before the key press go by
        done, frame = camera.read()
    if not done:
        raise OSError("it gives no picture")
    return save(frame, path)
