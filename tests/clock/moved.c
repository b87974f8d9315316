/* A wall clock that a test moves, for one process: loaded before its libraries, it
 * answers for the time of day with the true one and the nanoseconds that stand in the
 * file MOVED_CLOCK, now and whenever they change. What waits until a time of day waits
 * on where that is set back, as with the kernel's own clock. Other clocks are left as
 * they are. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
/* From one look at the file to the next by one that waits. */
#define LOOK (20 * 1000000LL)

static const volatile int64_t *moved;

__attribute__((constructor)) static void open_file(void) {
    const char *path = getenv("MOVED_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        abort();
    void *found = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    if (found == MAP_FAILED)
        abort();
    close(file);
    moved = found;
}

static int64_t nanoseconds(const struct timespec *time) {
    return time->tv_sec * SECOND + time->tv_nsec;
}

static struct timespec timespec_of(int64_t time) {
    return (struct timespec){.tv_sec = time / SECOND, .tv_nsec = time % SECOND};
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int outcome = (int)syscall(SYS_clock_gettime, clock, time);
    int is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    if (outcome == 0 && is_wall && moved)
        *time = timespec_of(nanoseconds(time) + *moved);
    return outcome;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *kept) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return (time_t)-1;
    if (kept)
        *kept = now.tv_sec;
    return now.tv_sec;
}

/* The mutex is held between two looks, so that no signal of one that holds it for that
 * is missed. */
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    for (;;) {
        struct timespec now, steady;
        clock_gettime(CLOCK_REALTIME, &now);
        int64_t left = nanoseconds(until) - nanoseconds(&now);
        if (left <= 0)
            return ETIMEDOUT;
        clock_gettime(CLOCK_MONOTONIC, &steady);
        struct timespec next =
            timespec_of(nanoseconds(&steady) + (left < LOOK ? left : LOOK));
        int outcome = pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &next);
        if (outcome != ETIMEDOUT)
            return outcome;
    }
}

/* glibc's own goes past the one above. Its types are those of POSIX (nptl). */
int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                  const struct timespec *restrict until) {
    int outcome =
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until);
    return outcome == 0 ? thrd_success : outcome == ETIMEDOUT ? thrd_timedout : thrd_error;
}
