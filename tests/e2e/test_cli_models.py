"""What the command line says of models: `vecd models`, `show`, `quality` and `bench`, the catalogue, and every family once."""
import csv
import json
import re
import shutil
import xml.etree.ElementTree

import numpy as np
import pytest

from conftest import FAMILIES, MODEL_FIELDS, TINY, golden_of, put_into_cache, write_jsonl
from test_cli import M, one_line, rows


def test_show_lists_modules_prompts_and_shards(vecd):
    shown = json.loads(vecd("show", "--json", TINY / "bert-order").out)
    assert [m["type"] for m in shown["modules"]] == ["Transformer", "Pooling", "Normalize", "LayerNorm", "Dense", "Normalize", "Dense"]
    assert shown["modules"][4] == {"type": "Dense", "in": 24, "out": 33, "bias": True, "activation": "tanh"}
    assert (shown["prompts"], shown["default_prompt"]) == ({}, None)
    shown = json.loads(vecd("show", "--json", TINY / "bert-prompt").out)
    assert (shown["prompts"], shown["default_prompt"]) == ({"query": "query: ", "document": "passage: "}, "query")
    assert shown["modules"][1]["include_prompt"] is False
    assert '"query": "query: "' in vecd("show", TINY / "bert-prompt").out
    cut = json.loads(vecd("show", "--json", TINY / "bert-truncate-dim").out)
    assert (cut["dimension"], cut["full_dimension"], cut["normalize"]) == (10, 24, False)
    sharded = json.loads(vecd("show", "--json", TINY / "bert-sharded").out)
    assert len(sharded["shards"]) == 3 and sharded["shards"][1].startswith("more/")
    listed = {m["id"]: m for m in json.loads(vecd("models", "--json", models=TINY).out)}
    assert listed["bert-truncate-dim"]["dimension"] == 10 and listed["bert-dense-two"]["dimension"] == 17
    assert listed["bert-sharded"]["weights_bytes"] > 10000


def test_models_lists_the_folder(vecd, tmp_path):
    run = vecd("models")
    assert run.code == 0
    states = dict(line.split()[:2] for line in run.lines())
    assert {states[m] for m in ("all-MiniLM-L6-v2", "bert-mean-norm", "bert-no-modules")} == {"available"}
    assert states["e5-small-v2"] == "remote" and run.lines()[1].startswith("all-MiniLM-L6-v2 "), "the default first"
    empty = vecd("models", models=tmp_path)
    assert empty.code == 0 and len(empty.lines()) == 13 and all(" remote " in line for line in empty.lines()[1:])


def test_models_of_the_hub_s_cache(vecd, tmp_path):
    put_into_cache(tmp_path, "intfloat/e5-small-v2", TINY / "bert-mean-norm")
    put_into_cache(tmp_path, "who/ever", TINY / "bert-prompt")
    env = {"HF_HUB_CACHE": str(tmp_path)}
    states = dict(line.split()[:2] for line in vecd("models", env=env).lines())
    assert states["e5-small-v2"] == states["who/ever"] == "available"
    by_id = vecd("embed", "-m", "e5-small-v2", "a cat", env=env)
    assert by_id.code == 0 and by_id.raw == vecd("embed", "-m", "bert-mean-norm", "a cat").raw
    assert by_id.raw == vecd("embed", "-m", "intfloat/e5-small-v2", "a cat", env=env).raw
    assert vecd("embed", "-m", "who/ever", "a cat", env=env).raw == vecd("embed", "-m", TINY / "bert-prompt", "a cat").raw
    shown = json.loads(vecd("show", "--json", "who/ever", env=env).out)
    assert shown["id"] == "who/ever" and "/models--who--ever/snapshots/" in shown["path"]
    assert json.loads(vecd("show", "--json", shown["path"]).out)["id"] == "who/ever", "a snapshot's path tells whose it is"
    home = {"HF_HUB_CACHE": "", "HF_HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "hub").symlink_to(tmp_path)
    assert vecd("embed", "-m", "who/ever", "a cat", env=home).code == 0
    blobs = tmp_path / "models--who--ever" / "blobs"
    for blob in blobs.iterdir():
        blob.unlink()
    one_line(vecd("embed", "-m", "who/ever", "a cat", env=env), 1, "Model not found: who/ever", "`vecd pull who/ever`")
    one_line(vecd("embed", "-m", "gte-small", "a cat", env=env), 1, "Model not found: gte-small", "`vecd pull gte-small`")


def test_the_catalogue_keeps_prompts_out_of_the_pooling(vecd, tmp_path, tiny_model):
    """The same as where the folder says it; instructor-base's folder does not."""
    for name in ("plain", "instructor-base", "said"):
        shutil.copytree(tiny_model, tmp_path / name)
    config = tmp_path / "said" / "1_Pooling" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"include_prompt": False}))

    def embed(model):
        done = vecd("embed", "-m", model, "--quantization", "fp32", "--prompt", "represent this: ", "a cat", models=tmp_path)
        assert done.code == 0, done.err
        return done.raw

    assert embed("instructor-base") == embed("said") != embed("plain")
    assert "without the prompt's tokens" in vecd("show", "instructor-base", models=tmp_path).out
    (tmp_path / "catalogue.json").write_text(json.dumps([{"id": "plain", "include_prompt": False},
                                                         {"id": "instructor-base", "include_prompt": True}]))
    assert embed("plain") == embed("said") != embed("instructor-base")


def test_a_catalogue_of_one_s_own(vecd, tmp_path, tiny_model):
    (tmp_path / "mine").symlink_to(tiny_model)
    rows = [{"id": "mine", "name": "My model", "is_default": True, "languages": ["de"], "prompts": {"q": "frage: "},
             "default_quantization": "int8"},
            {"id": "e5-small-v2", "size_mb": 1}]
    (tmp_path / "catalogue.json").write_text(json.dumps(rows))
    listed = {m["id"]: m for m in json.loads(vecd("models", "--json", models=tmp_path).out)}
    assert list(listed)[:3] == ["mine", "e5-small-v2", "gte-small"]
    assert all(list(m) == MODEL_FIELDS[:-1] + ["path", "weights_bytes", "error"] for m in listed.values())
    assert (listed["mine"]["name"], listed["mine"]["dimension"], listed["mine"]["hf_path"]) == ("My model", 36, None)
    assert (listed["e5-small-v2"]["size_mb"], listed["e5-small-v2"]["dimension"], listed["e5-small-v2"]["path"]) == (1, 384, None)
    assert vecd("embed", "--prompt-name", "q", "x", models=tmp_path).raw == vecd("embed", "--prompt", "frage: ", "x", models=tmp_path).raw
    assert vecd("embed", "x", models=tmp_path).raw == vecd("embed", "-m", tiny_model, "--quantization", "int8", "x").raw
    assert vecd("embed", "--quantization", "fp32", "x", models=tmp_path).raw == vecd("embed", "-m", tiny_model, "x").raw
    (tmp_path / "catalogue.json").write_text('[{"id": "mine", "size_mb": "large"}]')
    for command in (["models"], ["embed", "x"], ["show", "mine"]):
        one_line(vecd(*command, models=tmp_path), 1, f'{tmp_path}/catalogue.json: row 1 (mine): field "size_mb" is of type string')
    assert "row 1 (mine)" in vecd("doctor", models=tmp_path).out


def test_models_leaves_out_what_is_no_model(vecd, tmp_path, tiny_model):
    (tmp_path / "good").symlink_to(tiny_model)
    (tmp_path / ".tmp-download").symlink_to(tiny_model)
    (tmp_path / "a file").write_text("x")
    (tmp_path / "empty").mkdir()
    run = vecd("models", models=tmp_path)
    names = [line.split()[0] for line in run.lines()]
    assert "good" in names and not {".tmp-download", "a", "empty"} & set(names)


def test_show_tells_what_the_folder_says_and_what_was_assumed(vecd):
    run = vecd("show", "bert-mean-norm")
    assert run.code == 0, run.err
    facts = dict(line.split(None, 1) for line in run.lines() if " " in line.strip())
    assert facts["architecture"] == "bert" and facts["dimension"] == "36" and facts["max_tokens"] == "48"
    assert facts["pooling"].startswith("mean") and "assumed" not in run.out
    bare = vecd("show", "bert-no-modules")
    assert bare.code == 0 and "assumed" in bare.out
    one_line(vecd("show", "gone"), 1, "gone")


KINDS = {  # what the first word of a folder's name must be shown as: positions, and whether every token sees all
    "camembert": ("learned", True), "distilbert": ("learned", True), "roberta": ("learned", True), "xlm": ("learned", True),
    "mpnet": ("learned+relative", True), "t5": ("relative", True), "new": ("rotary", True), "nomic": ("rotary", True),
    "qwen3": ("rotary", False), "modernbert": ("rotary", False), "gemma3": ("rotary", False),
}  # fmt: skip


@pytest.mark.parametrize("folder", sorted(FAMILIES.iterdir()), ids=lambda folder: folder.name)
def test_every_family_is_shown_tokenized_and_embedded(vecd, folder):
    config = json.loads((folder / "config.json").read_text())
    texts, ids, vectors = golden_of(folder)
    run = vecd("show", "--json", folder)
    assert run.code == 0 and run.err == "", run.err
    shown, text = json.loads(run.out), vecd("show", folder).out
    assert (shown["architecture"], shown["id"]) == (config["model_type"], folder.name)
    positions, sees_all = KINDS[folder.name.split("-")[0]]
    assert shown["positions"] == positions and (shown["attention"] == "both directions") == sees_all
    assert shown["key_value_heads"] == config.get("num_key_value_heads", shown["heads"])
    assert shown["dimension"] == vectors.shape[1]
    assert max(map(len, ids)) <= shown["max_tokens"]
    assert shown["max_tokens_from"] in ("sentence_bert_config.json", "tokenizer_config.json")
    assert [m["type"] for m in shown["modules"]][:2] == ["Transformer", "Pooling"] and "assumed" not in shown
    for fact in ("positions", "attention", "max_tokens_from", "pooling", "module", "default_prompt"):
        assert re.search(rf"^{fact} ", text, re.M), fact
    i = next(i for i, t in enumerate(texts) if t.strip() and "\0" not in t)
    assert json.loads(vecd("tokenize", "-m", folder, "--", texts[i]).out) == ids[i]
    got, want = rows(vecd("embed", "-m", folder, "--", texts[i]))[0], vectors[i]
    assert np.abs(got - want).max() < 1e-5 * max(1, np.abs(want).max())


def without(folder, to, name, **config):
    """A copy of the folder without the file `name`, config.json changed."""
    shutil.copytree(folder, to)
    (to / name).unlink(missing_ok=True)
    path = to / "config.json"
    path.write_text(json.dumps({k: v for k, v in {**json.loads(path.read_text()), **config}.items() if v is not None}))
    return to


@pytest.mark.parametrize("folder, said, text, ids", [
    ("mpnet-base", {"do_lower_case": False}, "na\u00efve caf\u00e9", [0, 5, 5, 2]),
    ("mpnet-base", {"do_lower_case": False, "tokenizer_class": None}, "na\u00efve caf\u00e9", [0, 5, 5, 2]),
    ("mpnet-base", {"do_lower_case": False, "tokenizer_class": "PreTrainedTokenizerFast"}, "na\u00efve caf\u00e9",
     [0, 479, 95, 108, 91, 340, 92, 91, 2]),
    ("distilbert-base", {"strip_accents": False, "tokenizer_class": "DistilBertTokenizerFast"}, "na\u00efve caf\u00e9", [2, 1, 1, 3]),
    ("nomic-base", {"do_lower_case": False, "tokenizer_class": None}, "na\u00efve caf\u00e9", [2, 1, 1, 3]),
    ("roberta-base", {"add_prefix_space": True}, "na\u00efve caf\u00e9", [0, 321, 68, 131, 111, 371, 284, 68, 73, 383, 2]),
    ("roberta-base", {"tokenizer_class": None}, "na\u00efve caf\u00e9", [0, 81, 68, 131, 111, 371, 284, 68, 73, 383, 2]),
])  # fmt: skip
def test_tokenizer_config_counts_as_in_the_reference(vecd, tmp_path, folder, said, text, ids):
    """ids are transformers' for the folder changed so."""
    path = shutil.copytree(FAMILIES / folder, tmp_path / folder) / "tokenizer_config.json"
    path.write_text(json.dumps({k: v for k, v in {**json.loads(path.read_text()), **said}.items() if v is not None}))
    assert json.loads(vecd("tokenize", "-m", path.parent, text).out) == ids


def test_a_tokenizer_class_for_another_model_is_refused(vecd, tmp_path):
    """transformers would put the pieces into a WordPiece of its own and give nonsense."""
    path = shutil.copytree(FAMILIES / "xlm-roberta-base", tmp_path / "m") / "tokenizer_config.json"
    for name, model in (("BertTokenizer", "WordPiece"), ("RobertaTokenizerFast", "BPE")):
        path.write_text(json.dumps({**json.loads(path.read_text()), "tokenizer_class": name}))
        one_line(vecd("embed", "-m", path.parent, "x"), 1, "tokenizer.json", "Unigram", "tokenizer_class", model)


def test_show_says_who_sets_the_limit(vecd, tmp_path):
    def shown(folder, n, **config):
        to = without(FAMILIES / folder, tmp_path / f"{folder}{n}", "sentence_bert_config.json", **config)
        path = to / "tokenizer_config.json"
        path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "model_max_length"}))
        facts = json.loads(vecd("show", "--json", to).out)
        return facts["max_tokens"], facts["max_tokens_from"]

    assert shown("roberta-base", 0) == (48, "config.json, max_position_embeddings")
    assert shown("t5-relu", 0, n_positions=None) == (512, "assumed, since no file says")
    assert shown("nomic-base", 0, n_positions=99) == (99, "config.json, n_positions")
    assert shown("qwen3-base", 0, max_position_embeddings=40000) == (8192, "vecd, which makes room for no more")
    assert shown("qwen3-base", 1, max_position_embeddings=None) == (8192, "vecd, which makes room for no more")
    long = FAMILIES / "qwen3-base"
    to = without(long, tmp_path / "long", "README.md", max_position_embeddings=40000)
    (to / "sentence_bert_config.json").write_text('{"max_seq_length": 32768}')
    assert json.loads(vecd("show", "--json", to).out)["note"] == "sentence_bert_config.json says 32768 tokens, but texts are cut to 8192"


def quality(vecd, *args, **more):
    """What --json gives, its shape and bounds checked; fp32 first."""
    run = vecd("quality", "--json", *args, "bert-mean-norm", **more)
    assert run.code == 0 and run.err == "", run.err
    got = json.loads(run.out)
    assert sorted(got) == ["isa", "model", "precisions", "sample", "texts", "threads", "tokens", "turns"]
    assert got["model"] == "bert-mean-norm" and got["turns"] >= 1 and got["tokens"] >= 2 * got["texts"] > 0
    fp32, int8 = got["precisions"]
    speeds = {"precision", "weight_bytes", "least", "first_percentile", "mean", "texts_per_s", "tokens_per_s"}
    assert set(fp32) == speeds and set(int8) == speeds | {"least_index", "least_text"}
    assert (fp32["precision"], fp32["least"], fp32["first_percentile"], fp32["mean"]) == ("fp32", 1, 1, 1)
    assert int8["precision"] == "int8" and 0 < int8["weight_bytes"] < fp32["weight_bytes"]
    assert 0.9 < int8["least"] <= int8["first_percentile"] <= int8["mean"] <= 1
    assert 0 <= int8["least_index"] < got["texts"]
    for row in (fp32, int8):
        assert row["texts_per_s"] > 0
        assert abs(row["tokens_per_s"] / row["texts_per_s"] / (got["tokens"] / got["texts"]) - 1) < 0.01
    return got


def test_quality_of_the_built_in_sample(vecd):
    got = quality(vecd)
    assert got["sample"] == "built-in" and 400 < got["texts"] < 1000


def test_quality_by_the_kernels_and_threads_asked_for(vecd):
    text = b"one\ntwo words\nand three more\n"
    best, ref = quality(vecd, "-i", "-", stdin=text), quality(vecd, "-i", "-", "--isa", "ref", "--threads", "1", stdin=text)
    assert (ref["isa"], ref["threads"], ref["texts"], ref["tokens"]) == ("ref", 1, 3, best["tokens"])
    for name in ("least", "first_percentile", "mean"):
        assert abs(ref["precisions"][1][name] - best["precisions"][1][name]) < 1e-3


def test_quality_as_a_table(vecd):
    run = vecd("quality", "--threads", "1", "bert-mean-norm")
    assert run.code == 0 and run.err == "", run.err
    assert run.lines()[0].startswith("bert-mean-norm, ") and " 1 thread:" in run.lines()[0]
    rows_of = {line.split()[0]: line.split() for line in run.lines() if line.startswith(("fp32 ", "int8 "))}
    assert set(rows_of) == {"fp32", "int8"} and len(rows_of["fp32"]) == len(rows_of["int8"]) == 8
    assert max(map(len, run.lines()[1:6])) <= 80
    assert run.lines()[-1].startswith("least in int8: text ")


def test_quality_of_a_users_texts(vecd, tmp_path):
    texts = [f"row {i} " + "of many " * (i % 13) for i in range(700)] + ["", "tab\tand \"quotes\" é" + "x" * 80]
    lines, objects = tmp_path / "in.txt", write_jsonl(tmp_path / "in.jsonl", texts)
    lines.write_text("\n".join(texts) + "\n")
    got = quality(vecd, "-i", lines)
    assert got["sample"] == str(lines) and got["texts"] == len(texts)
    assert got["tokens"] == sum(len(json.loads(line)) for line in vecd("tokenize", *M, "-i", lines).lines())

    vectors = [rows(vecd("embed", *M, "--quantization", q, "-i", lines)).astype(float) for q in ("fp32", "int8")]
    cosines = (vectors[0] * vectors[1]).sum(1) / np.linalg.norm(vectors[0], axis=1) / np.linalg.norm(vectors[1], axis=1)
    int8 = got["precisions"][1]
    assert int8["least_index"] == cosines.argmin() and int8["least_text"] == texts[cosines.argmin()][:60]
    assert np.allclose([int8["least"], int8["first_percentile"], int8["mean"]],
                       [cosines.min(), np.sort(cosines)[7], cosines.mean()], atol=1e-8)

    for more in ({"stdin": lines.read_bytes()}, {}):
        again = quality(vecd, "-i", "-" if more else objects, **more)
        for name in ("least", "first_percentile", "mean", "least_index", "least_text"):
            assert again["precisions"][1][name] == int8[name]
    table = vecd("quality", "-i", lines, "bert-mean-norm")
    assert f"{lines}: line {int8['least_index'] + 1}: " in table.lines()[-1]


def test_quality_says_what_is_wrong(vecd, tmp_path):
    one_line(vecd("quality", "gone"), 1, "gone")
    one_line(vecd("quality", "-i", tmp_path / "gone.txt", "bert-mean-norm"), 1, "gone.txt")
    path = tmp_path / "in.txt"
    path.write_bytes(b"")
    one_line(vecd("quality", "-i", path, "bert-mean-norm"), 1, str(path), "no texts")
    path.write_bytes(b"fine\n" * 300 + b"not \xff fine\n")
    one_line(vecd("quality", "-i", path, "bert-mean-norm"), 1, f"{path}: line 301: not valid UTF-8 at byte 4")
    path.write_bytes(b"x\n" * 100_001)
    one_line(vecd("quality", "-i", path, "bert-mean-norm"), 1, str(path), "100000 texts")
    objects = tmp_path / "in.jsonl"
    objects.write_text('{"text": "fine"}\n{"txt": "a"}\n')
    one_line(vecd("quality", "--json", "-i", objects, "bert-mean-norm"), 1, f"{objects}: line 2", "text")


def test_the_library_of_models_can_be_chosen_by_environment(vecd, tmp_path, tiny_model):
    data = tmp_path / "data"
    (data / "vecd" / "models").mkdir(parents=True)
    (data / "vecd" / "models" / "mine").symlink_to(tiny_model)
    run = vecd("embed", "-m", "mine", "x", models="", env={"XDG_DATA_HOME": str(data)})
    assert rows(run).shape == (1, 36)


def test_json_of_models_show_and_bench(vecd, tmp_path, tiny_model):
    (tmp_path / 'quo"te').symlink_to(tiny_model)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    listed = {m["id"]: m for m in json.loads(vecd("models", "--json", "--models", tmp_path).out)}
    broken, good = listed["broken"], listed['quo"te']
    assert broken["state"] == "failed" and "config.json" in broken["error"]
    assert (good["state"], good["dimension"], good["max_seq_length"]) == ("available", 36, 48) and good["weights_bytes"] > 0
    assert "cannot be used" in vecd("models", models=tmp_path).out
    show = json.loads(vecd("show", "bert-no-modules", "--json").out)
    assert show["dimension"] == 32 and show["normalize"] is True and "mean" in show["assumed"]
    bench = json.loads(vecd("bench", *M, "--json").out)
    assert bench["limit_gflops"] > 0
    assert {w["name"] for w in bench["workloads"]} == {"q12", "b32x16"}, "the tiny model takes 48 tokens"
    assert all(0 < w["share"] < 2 and w["ms"] > 0 for w in bench["workloads"])
    assert (bench["model"], bench["precision"]) == ("bert-mean-norm", "fp32")


def test_bench_writes_csv_and_svg(vecd, tmp_path, tiny_model):
    name = 'odd, "<name>" & more'
    shutil.copytree(tiny_model, tmp_path / name)
    csv_path, svg_path = tmp_path / "b.csv", tmp_path / "b.svg"
    csv_path.write_text("what stood here before " * 1000)
    run = vecd("bench", "-m", tmp_path / name, "--quantization", "int8", "--threads", "1", "--isa", "ref", "--csv", csv_path,
               "--svg", svg_path)
    assert run.code == 0 and name in run.out and "int8" in run.out, run.err
    table = list(csv.DictReader(csv_path.read_text().splitlines(), strict=True))
    assert [row["workload"] for row in table] == ["q12", "b32x16"], "the tiny model takes 48 tokens"
    for row in table:
        assert row["cpu"] and (row["model"], row["precision"], row["isa"], row["threads"]) == (name, "int8", "ref", "1")
        assert row["version"] in vecd("version").out and re.fullmatch(r"\d{4}-\d\d-\d\d", row["date"])
        assert float(row["fp32_limit_gflops"]) > 0 and float(row["ms"]) > 0 and float(row["share_of_fp32_limit"]) > 0
        assert abs(float(row["tokens_per_s"]) * float(row["ms"]) / 1e3 / int(row["tokens"]) - 1) < 0.01
        assert None not in row and None not in row.values(), "as many cells as columns"
    svg = xml.etree.ElementTree.parse(svg_path).getroot()
    words = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert name in words[0] and "int8" in words[0] and "ref; 1 thread;" in words[1]
    assert sum("left out" in w for w in words) == 4 and {"q12", "b32x16"} <= set(words)


def test_bench_on_standard_output_and_to_files_it_cannot_write(vecd, tmp_path):
    alone = vecd("bench", *M, "--csv", "-").lines()
    assert alone[0].startswith("cpu,") and len(alone) == 3
    one_line(vecd("bench", *M, "--csv", tmp_path / "no" / "b.csv"), 1, "b.csv", "cannot write")
    one_line(vecd("bench", *M, "--svg", tmp_path), 1, str(tmp_path), "cannot write")
    same = vecd("bench", *M, "--csv", tmp_path / "b", "--svg", tmp_path / "b")
    one_line(same, 2, "--csv and --svg")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def named_as_known(tmp_path):
    """A models folder in which small models lie under ids of the catalogue."""
    (tmp_path / "e5-small-v2").symlink_to(TINY / "bert-mean-norm")
    (tmp_path / "BAAI").mkdir()
    (tmp_path / "BAAI" / "bge-small-en-v1.5").symlink_to(TINY / "bert-prompt")
    return tmp_path


def test_prompts_of_the_catalogue_where_the_folder_has_none(vecd, named_as_known):
    def run(*args):
        done = vecd(*args, models=named_as_known)
        assert done.code == 0, done.err
        return done.out

    for model in ("e5-small-v2", "intfloat/e5-small-v2", named_as_known / "e5-small-v2"):
        m = ("-m", model)
        assert run("embed", *m, "--prompt-name", "query", "a cat") == run("embed", *m, "--prompt", "query: ", "a cat")
        assert run("embed", *m, "--prompt-name", "document", "a cat") == run("embed", *m, "--prompt", "passage: ", "a cat")
        assert run("embed", *m, "a cat") == run("embed", *m, "--prompt", "", "a cat"), "none unasked"
        assert run("tokenize", *m, "--prompt-name", "query", "a cat") == run("tokenize", *m, "query: a cat")
        assert run("similarity", *m, "--prompt-name", "query", "a cat", "a dog") == run(
            "similarity", *m, "--prompt", "query: ", "a cat", "a dog")
    shown = json.loads(run("show", "--json", "intfloat/e5-small-v2"))
    assert shown["id"] == "e5-small-v2" and shown["prompts_from"] == "the catalogue" and shown["default_prompt"] is None
    assert shown["prompts"] == {"query": "query: ", "passage": "passage: ", "document": "passage: "}
    assert re.search(r"^prompts_from\s+the catalogue$", run("show", "e5-small-v2"), re.M)
    by_itself = vecd("embed", "-m", "bert-mean-norm", "--prompt-name", "query", "a cat")
    one_line(by_itself, 1, "bert-mean-norm has no prompts")


def test_prompts_of_the_folder_stay_what_they_are(vecd, named_as_known):
    (known, own) = (json.loads(vecd("show", "--json", m, models=named_as_known).out) for m in ("bge-small-en-v1.5", TINY / "bert-prompt"))
    assert known["id"] == "bge-small-en-v1.5" and known["prompts"] == own["prompts"] and known["prompts"]
    assert known["prompts_from"] == own["prompts_from"] == "config_sentence_transformers.json"
    assert known["default_prompt"] == own["default_prompt"]
