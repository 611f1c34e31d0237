"""What a lane's face camera sees when the person of a photograph stands before it."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 720, 1280


def camera_frame(photograph: Path) -> NDArray[Any]:
    """A (720, 1280, 3) BGR frame filled in height by the photograph, with plain wall beside it. Raises OSError."""
    image = cv2.imread(str(photograph))
    if image is None:
        raise OSError(f"{photograph} is not a picture")
    scale = min(HEIGHT / image.shape[0], WIDTH / image.shape[1])
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    frame = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    top, left = (HEIGHT - image.shape[0]) // 2, (WIDTH - image.shape[1]) // 2
    frame[top : top + image.shape[0], left : left + image.shape[1]] = image
    return frame
