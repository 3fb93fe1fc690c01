/* setting_list.h - the one place to add a setting: X(field, type, flag, letter, environment, value, least, most, default,
 * commands, help). The parser, `vecd help COMMAND` and the server's start-up log are made from these rows.
 *
 * field        of vecd_settings, by type: TEXT, STRING (which may be empty) and CHOICE const char *, NUMBER and BYTES uint64_t,
 *              FRACTION double (0 to 1), SWITCH bool; LIST_OF, which may be given several times, vecd_setting_values; SECRETS the same,
 *              and no value is ever shown
 * flag         one flag may have two rows, for different commands
 * letter       of the short flag, 0 for none; environment NULL for none; of a SWITCH it is 1 or true, 0 or false
 * value        what help calls the value; of a CHOICE the choices, divided by '|'
 * least, most  the range of NUMBER and BYTES ("32M" is 32 times 2^20)
 * default      as one would type it; NULL: NULL, 0 or false, and help says what that means */
#ifndef VECD_CMD_SETTING_LIST_H
#define VECD_CMD_SETTING_LIST_H

#include "cmd/command_list.h"

#define VECD_CMD_MODEL_USERS (VECD_CMD_EMBED | VECD_CMD_TOKENIZE | VECD_CMD_SIMILARITY | VECD_CMD_BENCH)
#define VECD_CMD_COMPUTERS \
  (VECD_CMD_EMBED | VECD_CMD_SIMILARITY | VECD_CMD_SERVE | VECD_CMD_BENCH | VECD_CMD_QUALITY | VECD_CMD_DOCTOR)
#define VECD_CMD_ENCODERS  (VECD_CMD_EMBED | VECD_CMD_SIMILARITY | VECD_CMD_BENCH | VECD_CMD_SHOW)
#define VECD_CMD_PROMPTERS (VECD_CMD_EMBED | VECD_CMD_TOKENIZE | VECD_CMD_SIMILARITY)
#define VECD_CMD_REGISTRY_USERS \
  (VECD_CMD_MODEL_USERS | VECD_CMD_SERVE | VECD_CMD_MODELS | VECD_CMD_SHOW | VECD_CMD_PULL | VECD_CMD_QUALITY | VECD_CMD_DOCTOR)

#define VECD_SETTING_LIST(X)                                                                                                   \
  X(model, TEXT, "model", 'm', "VECD_MODEL", "MODEL", 0, 0, NULL, VECD_CMD_MODEL_USERS,                                        \
    "which model: a folder's path, or an id; the catalogue's default, all-MiniLM-L6-v2, when not given")                       \
  X(served_models, LIST_OF, "model", 'm', "VECD_MODEL", "MODEL|ID=PRECISION", 0, 0, NULL, VECD_CMD_SERVE,                      \
    "the default model: a folder's path, or an id; all-MiniLM-L6-v2 when not given. ID=fp32, ID=int8 or ID=auto: "             \
    "--quantization for that model; may be given several times")                                                               \
  X(models, TEXT, "models", 0, "VECD_MODELS", "DIR", 0, 0, NULL, VECD_CMD_REGISTRY_USERS,                                      \
    "the models folder; $XDG_DATA_HOME/vecd/models, that is ~/.local/share/vecd/models, when not given")                       \
  X(input, TEXT, "input", 'i', NULL, "FILE", 0, 0, NULL, VECD_CMD_EMBED | VECD_CMD_TOKENIZE | VECD_CMD_QUALITY,                \
    "read texts from FILE, - for standard input")                                                                              \
  X(output, TEXT, "output", 'o', NULL, "FILE", 0, 0, NULL, VECD_CMD_EMBED, "write to FILE, - for standard output")             \
  X(format, CHOICE, "format", 0, NULL, "jsonl|json|npy|f32", 0, 0, "jsonl", VECD_CMD_EMBED,                                    \
    "jsonl: a JSON array a line; json: one array of arrays; npy: a NumPy file; f32: bare little-endian floats")                \
  X(threads, NUMBER, "threads", 0, "VECD_THREADS", "N", 1, 1024, NULL, VECD_CMD_COMPUTERS,                                     \
    "worker threads; as many as the process may use when not given")                                                           \
  X(isa, CHOICE, "isa", 0, "VECD_ISA", "ref|avx2|avxvnni|avx512|avx512vnni", 0, 0, NULL, VECD_CMD_COMPUTERS,                   \
    "use the kernels of this instruction set; the best there is when not given")                                               \
  X(quantization, CHOICE, "quantization", 0, "VECD_QUANTIZATION", "fp32|int8|auto", 0, 0, "auto", VECD_CMD_ENCODERS,           \
    "keep and multiply the weights as they are, or in 8 bits; auto: 8 bits for over 100 million parameters")                   \
  X(served_quantization, CHOICE, "quantization", 0, "VECD_QUANTIZATION", "fp32|int8|auto", 0, 0, "auto", VECD_CMD_SERVE,       \
    "auto: as the catalogue says, else 8 bits for over 100 million parameters, but fp32 where 8 bits fall below "              \
    "--min-similarity")                                                                                                        \
  X(min_similarity, FRACTION, "min-similarity", 0, "VECD_MIN_SIMILARITY", "COSINE", 0, 1, "0.98", VECD_CMD_SERVE,              \
    "with auto, the mean cosine to fp32 that 8 bits must reach on a built-in sample")                                          \
  X(max_models, NUMBER, "max-models", 0, "VECD_MAX_MODELS", "N", 1, 1024, "4", VECD_CMD_SERVE,                                 \
    "models in memory at a time; the one used longest ago makes room for another")                                             \
  X(max_memory_mb, NUMBER, "max-memory-mb", 0, "VECD_MAX_MEMORY_MB", "MIB", 1, 1 << 30, "2048", VECD_CMD_SERVE,                \
    "what models may take in memory, all together, in MiB")                                                                    \
  X(keep_alive, NUMBER, "keep-alive", 0, "VECD_KEEP_ALIVE", "SECONDS", 0, 31536000, "0", VECD_CMD_SERVE,                       \
    "unload a model that was not used for so long; 0: never")                                                                  \
  X(keep, LIST_OF, "keep", 0, "VECD_KEEP", "ID,...", 0, 0, NULL, VECD_CMD_SERVE,                                               \
    "models that stay in memory once they are loaded; may be given several times")                                             \
  X(preload, LIST_OF, "preload", 0, "PRELOAD_MODELS", "ID,...", 0, 0, NULL, VECD_CMD_SERVE,                                    \
    "models to load before the server says that it is ready, or none; the default model when not given")                       \
  X(prompt, STRING, "prompt", 0, NULL, "TEXT", 0, 0, NULL, VECD_CMD_PROMPTERS,                                                 \
    "put TEXT before every text; an empty one puts nothing there, not even the model's default prompt")                        \
  X(prompt_name, TEXT, "prompt-name", 0, NULL, "NAME", 0, 0, NULL, VECD_CMD_PROMPTERS,                                         \
    "put the model's prompt of that name before every text; vecd show has the names")                                          \
  X(dimensions, NUMBER, "dimensions", 0, NULL, "N", 1, 1 << 24, NULL, VECD_CMD_EMBED | VECD_CMD_SIMILARITY,                    \
    "cut vectors to N values, without normalizing them again; what the model's folder says when not given")                    \
  X(normalize, SWITCH, "normalize", 0, NULL, NULL, 0, 0, NULL, VECD_CMD_EMBED,                                                 \
    "give vectors of length 1, also where they are cut or the model's modules do not end in Normalize")                        \
  X(no_normalize, SWITCH, "no-normalize", 0, NULL, NULL, 0, 0, NULL, VECD_CMD_EMBED,                                           \
    "leave out a Normalize step at the end of the model's modules: vectors keep their length")                                 \
  X(no_truncate, SWITCH, "no-truncate", 0, NULL, NULL, 0, 0, NULL, VECD_CMD_TOKENIZE, "all ids, however many")                 \
  X(tokens, SWITCH, "tokens", 0, NULL, NULL, 0, 0, NULL, VECD_CMD_TOKENIZE,                                                    \
    "print an object with \"ids\", \"tokens\" (pieces of the vocabulary) and \"offsets\" (in characters of the text)")         \
  X(json, SWITCH, "json", 0, NULL, NULL, 0, 0, NULL, VECD_CMD_MODELS | VECD_CMD_SHOW | VECD_CMD_BENCH | VECD_CMD_QUALITY,      \
    "print JSON, for programs")                                                                                                \
  X(csv, TEXT, "csv", 0, NULL, "FILE", 0, 0, NULL, VECD_CMD_BENCH,                                                             \
    "write the figures to FILE as CSV too, a line a workload; - for standard output, in place of the table")                   \
  X(svg, TEXT, "svg", 0, NULL, "FILE", 0, 0, NULL, VECD_CMD_BENCH,                                                             \
    "draw the shares into FILE as SVG too; - for standard output, in place of the table")                                      \
  X(revision, TEXT, "revision", 0, NULL, "NAME", 0, 0, "main", VECD_CMD_PULL,                                                  \
    "a branch, a tag, or a commit of the repository")                                                                          \
  X(host, TEXT, "host", 0, "VECD_HOST", "ADDRESS", 0, 0, "127.0.0.1", VECD_CMD_SERVE, "listen on this address")                \
  X(port, NUMBER, "port", 0, "VECD_PORT", "N", 0, 65535, "8080", VECD_CMD_SERVE, "listen on this port, 0 picks a free one")    \
  X(unix_path, TEXT, "unix", 0, "VECD_UNIX", "PATH", 0, 0, NULL, VECD_CMD_SERVE, "listen on this Unix socket, and on no port") \
  X(max_body, BYTES, "max-body", 0, "VECD_MAX_BODY", "BYTES", 1, (uint64_t)1 << 32, "32M", VECD_CMD_SERVE,                     \
    "a longer request body is refused with 413")                                                                               \
  X(max_texts, NUMBER, "max-texts", 0, "VECD_MAX_TEXTS", "N", 1, 65536, "16384", VECD_CMD_SERVE,                               \
    "a request with more texts is refused with 422")                                                                           \
  X(max_text_bytes, BYTES, "max-text-bytes", 0, "VECD_MAX_TEXT_BYTES", "BYTES", 1, (uint64_t)1 << 32, "1M", VECD_CMD_SERVE,    \
    "a request with a longer text is refused with 422")                                                                        \
  X(max_request_memory, BYTES, "max-request-memory", 0, "VECD_MAX_REQUEST_MEMORY", "BYTES", 1, (uint64_t)1 << 50, "512M",      \
    VECD_CMD_SERVE, "what requests may take in memory, all together; further ones are answered 429")                           \
  X(max_queue_tokens, NUMBER, "max-queue-tokens", 0, "VECD_MAX_QUEUE_TOKENS", "N", 1, (uint64_t)1 << 40, "524288",             \
    VECD_CMD_SERVE, "about how many tokens may wait, short requests' by themselves; further ones are answered 429")            \
  X(batch_window_us, NUMBER, "batch-window-us", 0, "VECD_BATCH_WINDOW_US", "MICROSECONDS", 0, 1000000, "0", VECD_CMD_SERVE,    \
    "how long a batch that is not full waits for company")                                                                     \
  X(busy_poll_ms, NUMBER, "busy-poll-ms", 0, "VECD_BUSY_POLL_MS", "MILLISECONDS", 0, 3600000, "0", VECD_CMD_SERVE,             \
    "keep the processors from halting for so long after a request: steadier answers on some virtual machines, for all "        \
    "their idle time")                                                                                                         \
  X(request_timeout, NUMBER, "request-timeout", 0, "VECD_REQUEST_TIMEOUT", "SECONDS", 1, 86400, "10", VECD_CMD_SERVE,          \
    "a request that has waited so long for its first batch is answered 504")                                                   \
  X(inference_timeout, NUMBER, "inference-timeout", 0, "VECD_INFERENCE_TIMEOUT", "SECONDS", 1, 86400, "5", VECD_CMD_SERVE,     \
    "the longest time of a batch, beside what was measured for its tokens; then 504")                                          \
  X(max_connections, NUMBER, "max-connections", 0, "VECD_MAX_CONNECTIONS", "N", 1, 1000000, "1024", VECD_CMD_SERVE,            \
    "further connections are answered 503")                                                                                    \
  X(grace, NUMBER, "grace", 0, "VECD_GRACE", "SECONDS", 1, 86400, "30", VECD_CMD_SERVE,                                        \
    "the longest time to finish in after a signal")                                                                            \
  X(api_key, SECRETS, "api-key", 0, "VECD_API_KEY", "KEY,...", 0, 0, NULL, VECD_CMD_SERVE,                                     \
    "answer only requests that bring one of these keys; may be given several times")                                           \
  X(api_key_file, TEXT, "api-key-file", 0, "VECD_API_KEY_FILE", "FILE", 0, 0, NULL, VECD_CMD_SERVE,                            \
    "the same, from a file: a key a line, # begins a comment")                                                                 \
  X(allow_pull, SWITCH, "allow-pull", 0, "VECD_ALLOW_PULL", NULL, 0, 0, NULL, VECD_CMD_SERVE,                                  \
    "models of the catalogue that are not here are downloaded when they are asked for, as vecd pull does it")                  \
  X(protect_all, SWITCH, "protect-all", 0, "VECD_PROTECT_ALL", NULL, 0, 0, NULL, VECD_CMD_SERVE,                               \
    "health and metrics need a key too")                                                                                       \
  X(admin_key, SECRETS, "admin-key", 0, "VECD_ADMIN_KEY", "KEY,...", 0, 0, NULL, VECD_CMD_SERVE,                               \
    "with one of these keys models may be loaded and unloaded by request")                                                     \
  X(log_level, CHOICE, "log-level", 0, "VECD_LOG_LEVEL", "error|warn|info|debug", 0, 0, "info", VECD_CMD_SERVE,                \
    "what is written to standard error; debug has a line a request")                                                           \
  X(log_format, CHOICE, "log-format", 0, "VECD_LOG_FORMAT", "text|json", 0, 0, NULL, VECD_CMD_SERVE,                           \
    "text on a terminal, json in a pipe when not given")

#endif
