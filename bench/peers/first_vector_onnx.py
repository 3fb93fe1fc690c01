"""first_vector_onnx.py MODEL.onnx FOLDER TEXT - the least Python that gives a vector with ONNX Runtime: pooling and norm are in
the graph. For start_up.py."""

import sys

import numpy as np
import onnxruntime
import tokenizers

model, folder, text = sys.argv[1:]
tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
tokenizer.no_padding()
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
ids = np.array([tokenizer.encode(text).ids], np.int64)
vector = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0]
print(vector.tolist(), flush=True)
