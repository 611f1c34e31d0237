"""Published weights are pickles: arrays come out, code never runs."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import joblib
import lz4.frame
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate_client.inference.convert.dlib_resnet import DatError
from gate_client.inference.convert.dlib_resnet import convert as convert_dlib
from gate_client.inference.convert.mtcnn import WeightsError, convert_rnet, read_weights


def packed(content: object, **options: object) -> bytes:
    target = io.BytesIO()
    joblib.dump(content, target, **options)
    return lz4.frame.compress(target.getvalue())


ARRAYS = [np.arange(24, dtype=np.float32).reshape(2, 3, 4), np.float32([1.5]), np.zeros((3, 3, 1, 2), np.float32)]


def test_what_joblib_writes_is_read_alike() -> None:
    for ours, theirs in zip(read_weights(packed(ARRAYS)), ARRAYS, strict=True):
        np.testing.assert_array_equal(ours, theirs)


class Command:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_that_would_run_a_command_runs_nothing(tmp_path: Path) -> None:
    made = tmp_path / "made"
    for content in (Command(made), [ARRAYS[0], Command(made)], {"a": Command(made)}):
        with pytest.raises(WeightsError, match="mkdir, which is not an array"):
            read_weights(packed(content))
    assert not made.exists()
    joblib.load(io.BytesIO(lz4.frame.decompress(packed(Command(made)))))
    assert made.exists(), "the command would have run in an ordinary unpickler"


@pytest.mark.parametrize(
    "content",
    [
        [np.zeros(3, np.float64)],
        [np.zeros(3, ">f4")],
        [np.asfortranarray(np.ones((4, 5), np.float32))],
        {"weights": ARRAYS},
        [1.0, 2.0],
        "text",
        [np.array([object()])],
    ],
    ids=range(7),
)
def test_anything_but_a_list_of_plain_arrays_is_refused(content: object) -> None:
    with pytest.raises(WeightsError):
        read_weights(packed(content))


def test_weights_for_another_network_are_refused() -> None:
    with pytest.raises((WeightsError, StopIteration, ValueError, RuntimeError)):
        convert_rnet(packed(ARRAYS))


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_damaged_weights_raise_one_error(raw: bytes) -> None:
    for candidate in (raw, lz4.frame.compress(raw), lz4.frame.compress(pickle.dumps(ARRAYS)[:100] + raw)):
        with pytest.raises(WeightsError):
            read_weights(candidate)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_damaged_dlib_streams_raise_one_error(tail: bytes) -> None:
    for candidate in (
        tail,
        b"\x01\x15input_rgb_image_sized" + tail,
        b"\x01\x15input_rgb_image_sized\x01\x05con_4" + tail,
    ):
        with pytest.raises(DatError):
            convert_dlib(candidate)
