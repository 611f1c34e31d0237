"""The whole lane with real processes: every scene of the demonstration's last tenant ends exactly as it must."""

from pathlib import Path

import pytest

from tests.demo.scene import Timeline
from tests.demo.tenant import cast_from_packages, play

pytestmark = pytest.mark.models


def test_every_scene_ends_as_expected(tmp_path: Path) -> None:
    timeline = Timeline()
    play("iamsmart", cast=cast_from_packages(1), timeline=timeline, home=tmp_path, refusals=True)
    assert {scene.title: scene.observed for scene in timeline.scenes} == {
        scene.title: scene.expected for scene in timeline.scenes
    }
    # Nothing was left out: the journey, twelve refusals and the journal.
    assert len(timeline.scenes) == 13
