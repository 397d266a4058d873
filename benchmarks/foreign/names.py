"""Names of graphs and steps, and what is known of some, without importing Keras."""

HAND_WRITTEN = """
    residual_mlp siamese_layers siamese_nested unet free_image_size swish_net separable generator
    group_norms spectral volumes mixer several_inputs several_outputs dict_outputs dict_inputs
    scalar_outputs fixed_batch operations with_lambda nested nested_shared sequential
    sequential_repeated seq2seq masked_text masked_series bidirectional unrolled_gru stacked_cells
    stateful conv_lstm time_distributed wavenet transformer tied_language_model einsum_dense
    adapted_numbers string_lookup text_vectorization categories augmenting always_dropping
    mixed_float16 mixed_bfloat16 float64 quantised_int8 quantised_int4 own_layer
    layer_without_config one_variable_two_layers own_model_class subclassed
""".split()  # noqa: SIM905
KERAS = """
    ConvNeXtTiny DenseNet121 EfficientNetB0 EfficientNetV2B0 InceptionResNetV2 InceptionV3 MobileNet
    MobileNetV2 MobileNetV3Small NASNetMobile ResNet50 ResNet50V2 VGG16 Xception
""".split()  # noqa: SIM905
HUB = """
    BertBackbone BertTextClassifier BertMaskedLM AlbertTextClassifier DebertaV3Backbone
    DistilBertBackbone RobertaTextClassifier ElectraBackbone FNetBackbone GPT2CausalLM
    GPTNeoXBackbone OPTBackbone BloomBackbone LlamaCausalLM MistralBackbone GemmaCausalLM
    Qwen3Backbone T5Backbone BartBackbone WhisperBackbone ViTImageClassifier ResNetImageClassifier
    DenseNetBackbone VGGBackbone MiTBackbone RetinaNetBackbone DeepLabV3Backbone CLIPBackbone
""".split()  # noqa: SIM905
KIMM = """
    MobileNetV3W050Small RepVGGA0 GhostNetW050 RegNetX002 ConvNeXtAtto VisionTransformerTiny16
    LCNet035 MobileViTS
""".split()  # noqa: SIM905
COLLECTIONS = {  # title → names
    "hand-written": HAND_WRITTEN,
    "Keras Applications": [f"keras.{name}" for name in KERAS],
    "KerasHub": [f"hub.{name}" for name in HUB],
    "kimm": [f"kimm.{name}" for name in KIMM],
}
NAMES = [name for names in COLLECTIONS.values() for name in names]
STEPS = [
    "sites", "audit", "twin", "identity", "tie", "save", "SavedModel", "stock", "LiteRT float32",
    "LiteRT float16", "LiteRT dynamic int8", "ONNX", "suggest", "transfer",
]  # fmt: skip
ONNX = {  # graphs of which an ONNX file is made: some
    "residual_mlp", "unet", "swish_net", "several_outputs", "dict_outputs", "nested", "operations",
    "masked_text", "transformer", "tied_language_model", "mixed_float16", "adapted_numbers",
    "keras.MobileNet", "hub.BertTextClassifier", "kimm.MobileNetV3W050Small",
}  # fmt: skip
SAVED = {  # parameters that sharing saves, counted by hand
    "siamese_layers": 60 + 56,  # a convolution and a dense layer at two images
    "siamese_nested": 88 + 72,
    "several_outputs": 10,
    "dict_inputs": 42,
    "operations": 2 * 20,
    "nested_shared": 5 * 72,  # three calls in a model that is called twice
    "sequential_repeated": 42,
    "tied_language_model": 130 * 16,
    "own_model_class": 20,
    "hub.AlbertTextClassifier": 2 * 2224,  # two layers, called twice each
}
