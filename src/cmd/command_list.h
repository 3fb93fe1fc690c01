/* command_list.h - the one place to add a command: X(BIT, name, arguments, least, most, summary, text). The order is that of
 * `vecd help`. */
#ifndef VECD_CMD_COMMAND_LIST_H
#define VECD_CMD_COMMAND_LIST_H

#define VECD_ANY_NUMBER ((size_t)-1)

#define VECD_COMMAND_LIST(X)                                                                                               \
  X(EMBED, embed, "[TEXT ...]", 0, VECD_ANY_NUMBER, "texts to vectors",                                                    \
    "Prints the vector of each text, in their order. Without TEXT or -i, standard input is read. Each line is a text, an " \
    "empty one too; when the file's name ends in .jsonl, each line is a JSON object with the text under \"text\". Memory " \
    "does not grow with the input. Ctrl-C ends the output after a whole number of vectors, so that the file is valid.")    \
  X(TOKENIZE, tokenize, "[TEXT ...]", 0, VECD_ANY_NUMBER, "texts to token ids",                                            \
    "Prints the token ids of each text as a JSON array a line, special tokens included, cut as the model would see it. "   \
    "Input as for embed.")                                                                                                 \
  X(SIMILARITY, similarity, "A B [C ...]", 2, VECD_ANY_NUMBER, "rank texts by cosine similarity to the first",             \
    "Ranks B, C, ... by their cosine similarity to A, the best first: the number, a tab, the text.")                       \
  X(MODELS, models, "", 0, 0, "list the models that are here, and those that can be had",                                  \
    "Lists the models in the models folder and in the cache of Hugging Face's programs, and those the catalogue knows of " \
    "that are not here (remote), one a line, the id first: the default, then by size. A model that is here but cannot be " \
    "used has the reason in its line.")                                                                                    \
  X(SHOW, show, "MODEL", 1, 1, "what is known of a model",                                                                 \
    "Opens a model, which checks all of its files, and prints what it is, its limits and where they come from, its "       \
    "modules in order, its prompts, and what was assumed because the folder does not say.")                                \
  X(PULL, pull, "ID", 1, 1, "get a model from the Hugging Face hub",                                                       \
    "Downloads what vecd needs of a model of the catalogue, or of the repository org/name, into the cache that all of "    \
    "Hugging Face's programs share ($HF_HUB_CACHE, else $HF_HOME/hub, else ~/.cache/huggingface/hub), checks it, and "     \
    "prints its folder. What is there "                                                                                    \
    "already is not fetched again; after Ctrl-C or a broken connection the next pull goes on where the last one ended. "   \
    "HF_TOKEN opens private and gated models, HF_ENDPOINT names another hub, HF_HUB_OFFLINE=1 forbids asking.")            \
  X(SERVE, serve, "", 0, 0, "serve the HTTP API",                                                                          \
    "Serves the HTTP API until SIGTERM or SIGINT, then finishes what it has taken and exits with 0. A second signal ends " \
    "it at once.")                                                                                                         \
  X(BENCH, bench, "", 0, 0, "measure this machine",                                                                        \
    "Measures throughput on fixed workloads, token ids in, vectors out, and the share of what the processor could do at "  \
    "best, which is measured in turns with them. Use it on a machine that does nothing else.")                             \
  X(QUALITY, quality, "MODEL", 1, 1, "measure what each precision costs and gives",                                        \
    "Encodes texts in each precision and prints the bytes of the weights, the least, first percentile and mean of the "    \
    "cosines to the vectors in float32, and the speed on this machine. The texts are a built-in sample in many "           \
    "languages, or those of a file, at most 100000; a file is read as for embed.")                                         \
  X(DOCTOR, doctor, "", 0, 0, "what vecd finds on this machine",                                                           \
    "Prints the processor's features, the kernel chosen for each operation, threads, memory and limits: what to send "     \
    "with a report.")                                                                                                      \
  X(VERSION, version, "", 0, 0, "print the version", "Prints the version.")                                                \
  X(HELP, help, "[COMMAND]", 0, 1, "print the commands, or one command's flags", "Prints the commands, or one command's flags.")

/* VECD_CMD_EMBED and so on: one bit each. */
enum {
#define X(bit, name, usage, least, most, summary, text) VECD_CMD_INDEX_##bit,
  VECD_COMMAND_LIST(X)
#undef X
      VECD_N_COMMANDS
};
enum {
#define X(bit, name, usage, least, most, summary, text) VECD_CMD_##bit = 1 << VECD_CMD_INDEX_##bit,
  VECD_COMMAND_LIST(X)
#undef X
};

#endif
