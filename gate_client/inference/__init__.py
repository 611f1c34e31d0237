"""Face inference on the CPU: models from pinned packages, detection, alignment, quality, embedding."""
