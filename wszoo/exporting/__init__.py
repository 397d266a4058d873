"""Models as files for other programs, in which every shared weight is stored once.

`wszoo.export` is `api.export`, which writes any of them. A format is a folder or a file:
`saved_model` (TF Serving), `tflite` (LiteRT), `onnx`. All are checked by `parity` and `gate`, and
`stored` reads what a file stores.
"""
