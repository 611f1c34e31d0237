"""What a lane is built from, each behind a small protocol: frame sources, the code reader, doors and sensors."""
