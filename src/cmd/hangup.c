/* hangup.c - see hangup.h. */
#include "cmd/hangup.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

static struct {
  sem_t came;
  atomic_bool wanted, ending;
  pthread_t thread;
  bool runs;
  void (*reread)(void *ctx);
  void *ctx;
} hangup;

static void on_signal(int number) {
  int kept = errno; /* whoever was interrupted wants it back */
  (void)number;
  if (!atomic_exchange(&hangup.wanted, true)) sem_post(&hangup.came);
  errno = kept;
}

void vecd_hangup_catch(void) {
  sem_init(&hangup.came, 0, 0);
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGHUP, &action, NULL);
}

static void *hangup_main(void *arg) {
  (void)arg;
  while (!atomic_load(&hangup.ending))
    if (sem_wait(&hangup.came) == 0 && atomic_exchange(&hangup.wanted, false)) hangup.reread(hangup.ctx);
  return NULL;
}

vecd_status vecd_hangup_serve(void (*reread)(void *ctx), void *ctx, vecd_err *err) {
  hangup.reread = reread;
  hangup.ctx = ctx;
  hangup.runs = pthread_create(&hangup.thread, NULL, hangup_main, NULL) == 0;
  return hangup.runs ? VECD_OK : vecd_err_set(err, VECD_IO, VECD_NO_POS, "cannot start a thread; raise the limit on processes");
}

void vecd_hangup_end(void) {
  if (!hangup.runs) return;
  atomic_store(&hangup.ending, true);
  sem_post(&hangup.came);
  pthread_join(hangup.thread, NULL);
  hangup.runs = false;
}
