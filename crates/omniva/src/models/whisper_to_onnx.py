"""Turns Whisper weights in CTranslate2's container into two quantised ONNX graphs, without PyTorch.

    python3 whisper_to_onnx.py MODEL_BIN CONFIG_JSON OUT_DIR

Writes OUT_DIR/encoder_int8.onnx and OUT_DIR/decoder_int8.onnx (opset 20, IR version 9). The encoder also computes the
cross-attention keys and values of every decoder layer, once a window; the decoder takes and gives its key/value cache
and the raw scores of the alignment heads (`cross_qk`), from which word times are read (Whisper, arXiv:2212.04356).
The result is a function of the weights alone: the same bytes on every machine with the same onnx and onnxruntime.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

OPSET, IR_VERSION = 20, 9
FRAMES = 1500  # encoder positions of a 30 s window
DTYPES = [np.float32, np.int8, np.int16, np.int32, np.float16, np.uint16]


def read_weights(path):
    """CTranslate2 model.bin, little endian: version, spec name, revision, then named tensors, then aliases."""
    data, at = memoryview(Path(path).read_bytes()), 0

    def take(form):
        nonlocal at
        (value,) = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return value

    def text():
        nonlocal at
        length = take("H")
        value = bytes(data[at:at + length]).rstrip(b"\0").decode()
        at += length
        return value

    take("I"), text(), take("I")
    tensors = {}
    for _ in range(take("I")):
        name, rank = text(), take("B")
        shape = [take("I") for _ in range(rank)]
        dtype, size = DTYPES[take("B")], take("I")
        tensors[name] = np.frombuffer(data, dtype=dtype, count=size // np.dtype(dtype).itemsize, offset=at).reshape(shape)
        at += size
    return tensors


class Graph:
    """Collects nodes and initializers; every operator's output gets a running name unless it is an output of the graph."""

    def __init__(self, weights):
        self.weights, self.nodes, self.constants, self.count = weights, [], {}, 0

    def constant(self, name, value):
        self.constants.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weight(self, name):
        return self.weights[name].astype(np.float32)

    def add(self, operator, *inputs, out=None, **attributes):
        self.count += 1
        out = out or f"t{self.count}"
        self.nodes.append(helper.make_node(operator, list(inputs), [out], name=f"{operator}_{self.count}", **attributes))
        return out

    def norm(self, x, name, out=None):
        gamma = self.constant(name + ".gamma", self.weight(name + "/gamma"))
        beta = self.constant(name + ".beta", self.weight(name + "/beta"))
        return self.add("LayerNormalization", x, gamma, beta, out=out, axis=-1, epsilon=1e-5)

    def linear(self, x, name, rows=None, scale=1.0):
        """x·Wᵀ·scale + b·scale, on the given rows of W (CTranslate2 stacks q, k and v)."""
        weight, bias, key = self.weight(name + "/weight"), self.weight(name + "/bias"), name
        if rows is not None:
            weight, bias, key = weight[rows], bias[rows], f"{name}[{rows.start}]"
        product = self.add("MatMul", x, self.constant(key + ".weight", (weight * scale).T))
        return self.add("Add", product, self.constant(key + ".bias", bias * scale))

    def feed_forward(self, x, name):
        hidden = self.add("Gelu", self.linear(self.norm(x, name + "/layer_norm"), name + "/linear_0"))
        return self.add("Add", x, self.linear(hidden, name + "/linear_1"))

    def save(self, inputs, outputs, path):
        graph = helper.make_graph(self.nodes, "whisper", inputs, outputs, list(self.constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        onnx.save(model, path)


class Whisper:
    def __init__(self, weights, alignment_heads):
        self.weights, self.alignment_heads = weights, alignment_heads
        self.width = weights["encoder/conv1/bias"].shape[0]
        self.mels = weights["encoder/conv1/weight"].shape[1]
        self.heads = int(weights["encoder/num_heads"])
        self.head_width = self.width // self.heads
        self.vocabulary = weights["decoder/embeddings/weight"].shape[0]

    def layers(self, part):
        return range(len({k.split("/")[1] for k in self.weights if k.startswith(part + "/layer_") and "/ffn/" in k}))

    def third(self, index):
        return slice(index * self.width, (index + 1) * self.width)

    def split_heads(self, graph, x, out=None):
        shape = graph.constant("split_shape", np.array([0, -1, self.heads, self.head_width], np.int64))
        return graph.add("Transpose", graph.add("Reshape", x, shape), out=out, perm=[0, 2, 1, 3])

    def attend(self, graph, query, key, value, mask=None):
        """Returns the merged heads and the raw scores."""
        scores = graph.add("MatMul", query, graph.add("Transpose", key, perm=[0, 1, 3, 2]))
        masked = graph.add("Add", scores, mask) if mask else scores
        mixed = graph.add("MatMul", graph.add("Softmax", masked, axis=-1), value)
        shape = graph.constant("merge_shape", np.array([0, -1, self.width], np.int64))
        return graph.add("Reshape", graph.add("Transpose", mixed, perm=[0, 2, 1, 3]), shape), scores

    def self_projections(self, graph, x, name):
        """Query (scaled), key and value of a stacked projection."""
        scale = self.head_width ** -0.5
        return [self.split_heads(graph, graph.linear(x, name, self.third(i), scale if i == 0 else 1.0)) for i in range(3)]

    def cache_type(self, name, positions):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", self.heads, positions, self.head_width])

    def encoder(self, path):
        graph, x = Graph(self.weights), "input_features"
        for layer, stride in (("conv1", 1), ("conv2", 2)):
            weight = graph.constant(layer + ".weight", graph.weight(f"encoder/{layer}/weight"))
            bias = graph.constant(layer + ".bias", graph.weight(f"encoder/{layer}/bias"))
            x = graph.add("Gelu", graph.add("Conv", x, weight, bias, kernel_shape=[3], pads=[1, 1], strides=[stride]))
        positions = graph.constant("positions", graph.weight("encoder/position_encodings/encodings"))
        x = graph.add("Add", graph.add("Transpose", x, perm=[0, 2, 1]), positions)
        for i in self.layers("encoder"):
            name = f"encoder/layer_{i}"
            query, key, value = self.self_projections(
                graph, graph.norm(x, name + "/self_attention/layer_norm"), name + "/self_attention/linear_0")
            mixed, _ = self.attend(graph, query, key, value)
            x = graph.add("Add", x, graph.linear(mixed, name + "/self_attention/linear_1"))
            x = graph.feed_forward(x, name + "/ffn")
        x = graph.norm(x, "encoder/layer_norm", out="last_hidden_state")
        outputs = [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["batch", FRAMES, self.width])]
        for i in self.layers("decoder"):
            for j, kind in enumerate(("key", "value")):
                name = f"present.{i}.encoder.{kind}"
                self.split_heads(graph, graph.linear(x, f"decoder/layer_{i}/attention/linear_1", self.third(j)), out=name)
                outputs.append(self.cache_type(name, FRAMES))
        features = helper.make_tensor_value_info("input_features", TensorProto.FLOAT, ["batch", self.mels, 2 * FRAMES])
        graph.save([features], outputs, path)

    def embed(self, graph, past, total):
        """Token embedding (a signed byte a value, one scale a row) plus position."""
        table = graph.weight("decoder/embeddings/weight")
        scale = np.abs(table).max(axis=1, keepdims=True) / 127.0
        bytes_ = graph.constant("embedding", np.clip(np.round(table / scale), -127, 127).astype(np.int8))
        scales = graph.constant("embedding_scale", scale.astype(np.float32))
        token = graph.add("Cast", graph.add("Gather", bytes_, "input_ids", axis=0), to=TensorProto.FLOAT)
        token = graph.add("Mul", token, graph.add("Gather", scales, "input_ids", axis=0))
        table = graph.constant("positions", graph.weight("decoder/position_encodings/encodings"))
        return graph.add("Add", token, graph.add("Slice", table, past, total, graph.constant("zero", np.array([0], np.int64))))

    def causal_mask(self, graph, past, length, total):
        """[length, total]: row i may look at key j when j ≤ past + i."""
        zero, one = graph.constant("zero", np.array([0], np.int64)), graph.constant("one", np.array([1], np.int64))
        start, step = graph.constant("start", np.array(0, np.int64)), graph.constant("step", np.array(1, np.int64))
        scalar = lambda x: graph.add("Squeeze", x, zero)
        row = graph.add("Add", graph.add("Range", start, scalar(length), step), past)
        column = graph.add("Range", start, scalar(total), step)
        ahead = graph.add("Greater", graph.add("Unsqueeze", column, zero), graph.add("Unsqueeze", row, one))
        closed, open_ = graph.constant("closed", np.array(-1e9, np.float32)), graph.constant("open", np.array(0, np.float32))
        return graph.add("Where", ahead, closed, open_)

    def dimension(self, graph, tensor, axis):
        zero = graph.constant("zero", np.array([0], np.int64))
        bounds = [graph.constant(f"axis{a}", np.array([a], np.int64)) for a in (axis, axis + 1)]
        return graph.add("Slice", graph.add("Shape", tensor), *bounds, zero)

    def decoder(self, path):
        graph = Graph(self.weights)
        inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "n"])]
        outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "n", self.vocabulary])]
        past = self.dimension(graph, "past_key_values.0.decoder.key", 2)
        length = self.dimension(graph, "input_ids", 1)
        total = graph.add("Add", past, length)
        x, mask, scores_of_heads = self.embed(graph, past, total), self.causal_mask(graph, past, length, total), []
        for i in self.layers("decoder"):
            name = f"decoder/layer_{i}"
            query, *fresh = self.self_projections(
                graph, graph.norm(x, name + "/self_attention/layer_norm"), name + "/self_attention/linear_0")
            caches = []
            for kind, new in zip(("key", "value"), fresh):
                before, after = f"past_key_values.{i}.decoder.{kind}", f"present.{i}.decoder.{kind}"
                inputs.append(self.cache_type(before, "past"))
                outputs.append(self.cache_type(after, "total"))
                caches.append(graph.add("Concat", before, new, out=after, axis=2))
            mixed, _ = self.attend(graph, query, *caches, mask=mask)
            x = graph.add("Add", x, graph.linear(mixed, name + "/self_attention/linear_1"))
            cross = [f"past_key_values.{i}.encoder.{kind}" for kind in ("key", "value")]
            inputs += [self.cache_type(c, FRAMES) for c in cross]
            query = self.split_heads(graph, graph.linear(
                graph.norm(x, name + "/attention/layer_norm"), name + "/attention/linear_0", scale=self.head_width ** -0.5))
            mixed, scores = self.attend(graph, query, *cross)
            x = graph.add("Add", x, graph.linear(mixed, name + "/attention/linear_2"))
            chosen = [head for layer, head in self.alignment_heads if layer == i]
            if chosen:
                index = graph.constant(f"alignment_{i}", np.array(chosen, np.int64))
                scores_of_heads.append(graph.add("Gather", scores, index, axis=1))
            x = graph.feed_forward(x, name + "/ffn")
        x = graph.norm(x, "decoder/layer_norm")
        graph.add("MatMul", x, graph.constant("projection", graph.weight("decoder/embeddings/weight").T), out="logits")
        graph.add("Concat", *scores_of_heads, out="cross_qk", axis=1)
        shape = ["batch", len(self.alignment_heads), "n", FRAMES]
        outputs.append(helper.make_tensor_value_info("cross_qk", TensorProto.FLOAT, shape))
        graph.save(inputs, outputs, path)


def main(model_bin, config_json, out_dir):
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    config = json.loads(Path(config_json).read_text())
    whisper = Whisper(read_weights(model_bin), config["alignment_heads"])
    for part, write in (("encoder", whisper.encoder), ("decoder", whisper.decoder)):
        full = out / f"{part}.onnx"
        write(str(full))
        quantize_dynamic(str(full), str(out / f"{part}_int8.onnx"), weight_type=QuantType.QInt8, per_channel=True,
                         op_types_to_quantize=["MatMul"], extra_options={"MatMulConstBOnly": True})
        full.unlink()


if __name__ == "__main__":
    main(*sys.argv[1:])
