"""first_vector_st.py FOLDER TEXT - a vector with sentence-transformers, as its documentation has it. For start_up.py."""

import sys

from sentence_transformers import SentenceTransformer

folder, text = sys.argv[1:]
model = SentenceTransformer(folder, device="cpu")
print(model.encode(text).tolist(), flush=True)
