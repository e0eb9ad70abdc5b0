import numpy as np

from catdog_trainer.architectures.weights import convert_weights, weights_digest


def test_names_and_layouts_become_those_of_keras() -> None:
    tensors = {
        "_conv_stem.weight": np.zeros((32, 3, 5, 7)),
        "_blocks.3._depthwise_conv.weight": np.zeros((32, 1, 5, 7)),
        "_blocks.3._bn2.running_var": np.zeros(8),
        "_bn0.weight": np.zeros(8),
        "_bn0.num_batches_tracked": np.zeros(()),
        "_fc.weight": np.zeros((1000, 1280)),
        "_fc.bias": np.zeros(1000),
    }
    shapes = {name: array.shape for name, array in convert_weights(tensors).items()}
    assert shapes == {
        "conv_stem.kernel": (5, 7, 3, 32),
        "block3_depthwise_conv.kernel": (5, 7, 32, 1),
        "block3_bn2.moving_variance": (8,),
        "bn0.gamma": (8,),
        "fc.kernel": (1280, 1000),
        "fc.bias": (1000,),
    }


def test_the_digest_depends_on_names_shapes_and_values_but_not_on_order_or_memory_layout() -> None:
    kernel, bias = np.arange(6.0).reshape(2, 3), np.zeros(3)
    digest = weights_digest({"kernel": kernel, "bias": bias})
    assert weights_digest({"bias": bias, "kernel": np.asfortranarray(kernel)}) == digest
    for other in ({"kernel": kernel + 1, "bias": bias}, {"kernel": kernel.reshape(3, 2), "bias": bias}):
        assert weights_digest(other) != digest
