"""Turns published weights into ONNX. Each converter is `bytes -> onnx.ModelProto`, reproducible to the byte, and named in `models.toml`."""
