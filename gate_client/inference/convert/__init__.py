"""Published weights to ONNX: each converter, named in `models.toml`, maps bytes to a model, the same to the byte."""
