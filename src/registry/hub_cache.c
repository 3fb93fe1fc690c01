/* hub_cache.c - see hub_cache.h. */
#include "registry/hub_cache.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/env.h"
#include "base/file.h"

#define MOST_PART_BYTES 96
#define MOST_REF_BYTES  128 /* a hash, and a line's end that a person may have put behind it */

static bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

/* --- the root */

/* Appends the home of `user`, where it is empty that of this process. False: none is known. */
static bool append_home(vecd_buf *out, vecd_span user) {
  const char *home = user.len ? NULL : vecd_env("HOME");
  char name[256], room[4096];
  struct passwd entry, *found = NULL;
  if (!home && user.len < sizeof name) {
    memcpy(name, user.ptr, user.len);
    name[user.len] = '\0';
    if (user.len)
      (void)getpwnam_r(name, &entry, room, sizeof room, &found);
    else
      (void)getpwuid_r(getuid(), &entry, room, sizeof room, &found);
    if (found) home = found->pw_dir;
  }
  if (!home) return false;
  size_t len = strlen(home);
  while (len > 1 && home[len - 1] == '/') len--;
  vecd_buf_append(out, home, len);
  return true;
}

/* Appends the value of the variable at the beginning of text ("$NAME", "${NAME}") and gives how many bytes it takes; 0: there is
 * none, or it is not set, which leaves the text as it is. */
static size_t append_variable(vecd_buf *out, const char *text) {
  char name[256];
  bool braces = text[1] == '{';
  const char *first = text + (braces ? 2 : 1), *end = first;
  while (braces ? *end && *end != '}' : is_word(*end)) end++;
  size_t len = (size_t)(end - first);
  if (len >= sizeof name || len == 0 || (braces && !*end)) return 0;
  memcpy(name, first, len);
  name[len] = '\0';
  const char *value = getenv(name);
  if (!value) return 0;
  vecd_buf_append_str(out, value);
  return (size_t)(end - text) + braces;
}

/* Python's os.path.expandvars(os.path.expanduser(text)). */
static void append_expanded(vecd_buf *out, const char *text) {
  vecd_buf path = {.tag = VECD_MEM_MISC};
  if (*text == '~') {
    size_t len = strcspn(text, "/");
    if (append_home(&path, (vecd_span){text + 1, len - 1})) text += len;
  }
  vecd_buf_append_str(&path, text);
  for (const char *p = vecd_buf_cstr(&path); *p;) {
    size_t n = *p == '$' ? append_variable(out, p) : 0;
    if (!n) vecd_buf_append_char(out, *p);
    p += n ? n : 1;
  }
  if (path.failed) out->failed = true;
  vecd_buf_fini(&path);
}

/* A variable, and what lies below the path it has. */
typedef struct place {
  const char *variable, *below;
} place;

/* The first of n places whose variable is set, else `below` in the home. */
static vecd_status find_place(const place *places, size_t n, const char *below, const char *what, char **out, vecd_err *err) {
  vecd_buf path = {.tag = VECD_MEM_MISC};
  const char *value = NULL;
  for (size_t i = 0; i < n && !value; i++)
    if ((value = vecd_env(places[i].variable))) below = places[i].below;
  if (value)
    append_expanded(&path, value);
  else if (!append_home(&path, (vecd_span){NULL, 0}))
    vecd_buf_append_str(&path, "/var/lib/vecd"); /* a service without a home */
  while (path.len > 1 && path.ptr[path.len - 1] == '/') path.len--;
  vecd_buf_append_str(&path, below);
  *out = path.failed ? NULL : vecd_strdup(VECD_MEM_MISC, vecd_buf_cstr(&path));
  vecd_buf_fini(&path);
  return *out ? VECD_OK : vecd_err_no_memory(err, what, 0);
}

vecd_status vecd_hub_cache_root(char **root, vecd_err *err) {
  static const place places[] = {
      {"HF_HUB_CACHE", ""}, {"HUGGINGFACE_HUB_CACHE", ""}, {"HF_HOME", "/hub"}, {"XDG_CACHE_HOME", "/huggingface/hub"}};
  return find_place(places, sizeof places / sizeof *places, "/.cache/huggingface/hub", "the path of the hub's cache", root,
                    err);
}

vecd_status vecd_hub_token_path(char **path, vecd_err *err) {
  static const place places[] = {{"HF_TOKEN_PATH", ""}, {"HF_HOME", "/token"}, {"XDG_CACHE_HOME", "/huggingface/token"}};
  return find_place(places, sizeof places / sizeof *places, "/.cache/huggingface/token", "the path of the hub's token", path,
                    err);
}

/* --- names */

static bool holds(vecd_span text, const char *two) {
  for (size_t i = 0; i + 1 < text.len; i++)
    if (text.ptr[i] == two[0] && text.ptr[i + 1] == two[1]) return true;
  return false;
}

static bool is_part(vecd_span part) {
  if (part.len == 0 || part.len > MOST_PART_BYTES || !is_word(part.ptr[0]) || !is_word(part.ptr[part.len - 1])) return false;
  for (size_t i = 0; i < part.len; i++)
    if (!is_word(part.ptr[i]) && part.ptr[i] != '-' && part.ptr[i] != '.') return false;
  return true;
}

bool vecd_hub_id_is_valid(vecd_span id) {
  const char *slash = id.len ? memchr(id.ptr, '/', id.len) : NULL;
  vecd_span name = id;
  if (slash) {
    vecd_span org = {id.ptr, (size_t)(slash - id.ptr)};
    if (!is_part(org)) return false;
    name = (vecd_span){slash + 1, id.len - org.len - 1};
  }
  if (!is_part(name) || holds(id, "--") || holds(id, "..")) return false;
  return id.len < 4 || memcmp(id.ptr + id.len - 4, ".git", 4) != 0;
}

bool vecd_hub_revision_is_valid(vecd_span revision) {
  if (revision.len == 0 || revision.len > VECD_HUB_REVISION_MOST || revision.ptr[revision.len - 1] == '/') return false;
  for (size_t i = 0; i < revision.len; i++) {
    char c = revision.ptr[i];
    bool begins = i == 0 || revision.ptr[i - 1] == '/';
    if (c <= ' ' || c > '~' || c == '\\' || (begins && (c == '.' || c == '/'))) return false;
  }
  return true;
}

bool vecd_hub_commit_is_valid(vecd_span commit) {
  if (commit.len != VECD_HUB_COMMIT_LEN) return false;
  for (size_t i = 0; i < commit.len; i++)
    if (!(commit.ptr[i] >= '0' && commit.ptr[i] <= '9') && !(commit.ptr[i] >= 'a' && commit.ptr[i] <= 'f')) return false;
  return true;
}

char *vecd_hub_cache_folder(const char *root, const char *id) {
  const char *slash = strchr(id, '/');
  size_t n = strlen(root), org = slash ? (size_t)(slash - id) : 0;
  const char *name = slash ? slash + 1 : id;
  vecd_buf path = {.tag = VECD_MEM_MISC};
  vecd_buf_append(&path, root, n);
  vecd_buf_append_str(&path, "/" VECD_HUB_FOLDER_OF_MODELS);
  vecd_buf_append(&path, id, org);
  if (slash) vecd_buf_append_str(&path, "--");
  vecd_buf_append_str(&path, name);
  char *copy = path.failed ? NULL : vecd_strdup(VECD_MEM_MISC, vecd_buf_cstr(&path));
  vecd_buf_fini(&path);
  return copy;
}

bool vecd_hub_id_of_folder(const char *folder, char *out) {
  size_t prefix = strlen(VECD_HUB_FOLDER_OF_MODELS);
  if (strncmp(folder, VECD_HUB_FOLDER_OF_MODELS, prefix) != 0 || strchr(folder, '/')) return false;
  const char *id = folder + prefix, *cut = strstr(id, "--");
  size_t len = strlen(id) - (cut != NULL);
  if (len >= VECD_HUB_ID_BYTES) return false;
  size_t org = cut ? (size_t)(cut - id) : 0;
  memcpy(out, id, org);
  if (cut) out[org] = '/';
  strcpy(out + org + (cut != NULL), cut ? cut + 2 : id);
  return vecd_hub_id_is_valid((vecd_span){out, len});
}

/* --- snapshots */

/* "dir/name/rest" in out. */
static bool join(vecd_buf *out, const char *dir, const char *name, vecd_span rest) {
  out->len = 0;
  vecd_buf_append_str(out, dir);
  vecd_buf_append_str(out, name);
  vecd_buf_append(out, rest.ptr, rest.len);
  (void)vecd_buf_cstr(out);
  return !out->failed;
}

/* The commit that refs/<revision> of the repository's folder names. What else stands in the file is not told: it may be a link to
 * anything. */
static vecd_status read_ref(const char *folder, const char *revision, vecd_buf *path, char commit[VECD_HUB_COMMIT_LEN],
                            vecd_err *err) {
  if (!join(path, folder, "/refs/", vecd_span_of(revision))) return vecd_err_no_memory(err, "a path", path->len);
  vecd_buf text = {.tag = VECD_MEM_MISC};
  vecd_status s = vecd_file_read(path->ptr, MOST_REF_BYTES, &text, err);
  vecd_span hash = {text.ptr, text.len};
  while (hash.len && strchr("\r\n\t ", hash.ptr[hash.len - 1])) hash.len--;
  if (!s && !vecd_hub_commit_is_valid(hash))
    s = vecd_err_set(err, VECD_BAD_MODEL, VECD_NO_POS, "%s: is not the hash of a commit; remove it and download again",
                     path->ptr);
  if (!s) memcpy(commit, hash.ptr, VECD_HUB_COMMIT_LEN);
  vecd_buf_fini(&text);
  return s;
}

static vecd_status find_snapshot(const char *folder, const char *revision, vecd_buf *path, vecd_err *err) {
  char commit[VECD_HUB_COMMIT_LEN];
  vecd_status s = VECD_OK;
  if (vecd_hub_commit_is_valid(vecd_span_of(revision)))
    memcpy(commit, revision, sizeof commit);
  else
    s = read_ref(folder, revision, path, commit, err);
  if (s) return s;
  if (!join(path, folder, "/snapshots/", (vecd_span){commit, sizeof commit}))
    return vecd_err_no_memory(err, "a path", path->len);
  if (vecd_dir_exists(path->ptr)) return VECD_OK;
  return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "%s: no such snapshot", path->ptr);
}

vecd_status vecd_hub_cache_find(const char *root, const char *id, const char *revision, char **path, vecd_err *err) {
  if (!revision) revision = VECD_HUB_MAIN;
  if (!vecd_hub_id_is_valid(vecd_span_of(id)))
    return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "%.200s: cannot be the id of a repository on the hub", id);
  if (!vecd_hub_revision_is_valid(vecd_span_of(revision)))
    return vecd_err_set(err, VECD_NOT_FOUND, VECD_NO_POS, "%s: \"%.100s\" cannot be a revision", id, revision);
  vecd_buf found = {.tag = VECD_MEM_MISC};
  char *folder = vecd_hub_cache_folder(root, id), *copy = NULL;
  vecd_status s = folder ? find_snapshot(folder, revision, &found, err) : vecd_err_no_memory(err, "a path", strlen(root));
  if (!s && !(copy = vecd_strdup(VECD_MEM_MISC, found.ptr))) s = vecd_err_no_memory(err, "a path", found.len);
  vecd_buf_fini(&found);
  vecd_free(folder);
  if (!s) *path = copy;
  return s;
}

vecd_status vecd_hub_cache_scan(const char *root, vecd_hub_visit *visit, void *ctx, vecd_err *err) {
  DIR *dir = opendir(root);
  if (!dir && (errno == ENOENT || errno == ENOTDIR)) return VECD_OK;
  if (!dir) return vecd_err_set(err, VECD_IO, VECD_NO_POS, "%s: cannot list: %s", root, strerror(errno));
  vecd_status s = VECD_OK;
  for (struct dirent *e; !s && (e = readdir(dir));) {
    char id[VECD_HUB_ID_BYTES], *path = NULL;
    if (!vecd_hub_id_of_folder(e->d_name, id)) continue;
    vecd_status found = vecd_hub_cache_find(root, id, NULL, &path, NULL);
    if (!found)
      s = visit(ctx, id, path, err);
    else if (found == VECD_NO_MEMORY)
      s = vecd_err_no_memory(err, "a path", strlen(root));
    vecd_free(path);
  }
  closedir(dir);
  return s;
}
