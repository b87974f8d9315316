/* Threads of one process that a test holds: loaded before its libraries, it has every
 * thread of the name that stands in the file HELD_THREADS stand still where it next calls
 * librdkafka, for as long as the name stands there. Taking a lock of C11's threads is such a
 * call, which nobody else makes; one who has a lock already goes on until it has none, so
 * that nobody is held up by those who stand. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* As long as a thread's name may be, with the zero behind it. */
#define NAME 16

static const volatile char *held;
/* Locks that this thread has. */
static _Thread_local int locks;

static int (*read_lock)(pthread_rwlock_t *);
static int (*write_lock)(pthread_rwlock_t *);
static int (*unlock)(pthread_rwlock_t *);

__attribute__((constructor)) static void open_file(void) {
    const char *path = getenv("HELD_THREADS");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        abort();
    void *found = mmap(NULL, NAME, PROT_READ, MAP_SHARED, file, 0);
    read_lock = dlsym(RTLD_NEXT, "pthread_rwlock_rdlock");
    write_lock = dlsym(RTLD_NEXT, "pthread_rwlock_wrlock");
    unlock = dlsym(RTLD_NEXT, "pthread_rwlock_unlock");
    if (found == MAP_FAILED || !read_lock || !write_lock || !unlock)
        abort();
    close(file);
    held = found;
}

static int is_held(void) {
    char name[NAME] = "", wanted[NAME];
    if (!held || !held[0])
        return 0;
    for (int at = 0; at < NAME; at++)
        wanted[at] = held[at];
    pthread_getname_np(pthread_self(), name, sizeof name);
    return strncmp(name, wanted, NAME) == 0;
}

int mtx_lock(mtx_t *mutex) {
    while (locks == 0 && is_held())
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000000L}, NULL);
    /* glibc's own type is that of POSIX (nptl). */
    if (pthread_mutex_lock((pthread_mutex_t *)mutex) != 0)
        return thrd_error;
    locks++;
    return thrd_success;
}

int mtx_unlock(mtx_t *mutex) {
    if (pthread_mutex_unlock((pthread_mutex_t *)mutex) != 0)
        return thrd_error;
    locks--;
    return thrd_success;
}

int pthread_rwlock_rdlock(pthread_rwlock_t *lock) {
    int outcome = read_lock(lock);
    locks += outcome == 0;
    return outcome;
}

int pthread_rwlock_wrlock(pthread_rwlock_t *lock) {
    int outcome = write_lock(lock);
    locks += outcome == 0;
    return outcome;
}

int pthread_rwlock_unlock(pthread_rwlock_t *lock) {
    int outcome = unlock(lock);
    locks -= outcome == 0;
    return outcome;
}
