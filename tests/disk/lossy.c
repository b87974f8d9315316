/* A disk that keeps only what was synced, for one process: loaded before its libraries,
 * it notes in the folder LOSSY_DISK_NOTES, for each file and folder below LOSSY_DISK, how
 * it was as it was last synced by fsync or fdatasync: a file's bytes, a folder's names.
 * Whoever cuts the power puts that in the place of what is there. What else is said to
 * write to the disk, such as sync_file_range, counts for nothing.
 *
 * Where the notes' folder has a file `failing`, a sync fails with EIO, and where it has
 * `full`, a write fails with ENOSPC. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char disk[PATH_MAX], notes[PATH_MAX];

static void must(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "lossy disk: %s: %s\n", what, strerror(errno));
        abort();
    }
}

__attribute__((constructor)) static void read_environment(void) {
    const char *at = getenv("LOSSY_DISK"), *noted = getenv("LOSSY_DISK_NOTES");
    must(at && noted && realpath(at, disk) && realpath(noted, notes), "environment");
}

/* Whether a descriptor is of this disk. */
static int is_ours(int file) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    size_t below = strlen(disk);
    return strncmp(path, disk, below) == 0 && (path[below] == '/' || path[below] == 0);
}

static int is_told(const char *fault) {
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", notes, fault);
    return access(path, F_OK) == 0;
}

static void note_file(int file, FILE *note) {
    char link[64], bytes[1 << 16];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    int again = open(link, O_RDONLY | O_CLOEXEC);
    must(again >= 0, "open again");
    ssize_t count;
    while ((count = read(again, bytes, sizeof bytes)) > 0)
        must(fwrite(bytes, 1, (size_t)count, note) == (size_t)count, "note");
    must(count == 0, "read");
    close(again);
}

static void note_folder(int file, FILE *note) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    DIR *folder = opendir(link);
    must(folder != NULL, "open folder");
    struct dirent *entry;
    while ((entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            fprintf(note, "%llu %s\n", (unsigned long long)entry->d_ino, entry->d_name);
    closedir(folder);
}

/* Notes are named by inode, so that a file keeps its bytes under whatever name. */
static int synced(int file, long call) {
    if (!is_ours(file))
        return (int)syscall(call, file);
    if (is_told("failing")) {
        errno = EIO;
        return -1;
    }
    if (syscall(call, file) != 0)
        return -1;
    struct stat status;
    must(fstat(file, &status) == 0, "fstat");
    char path[PATH_MAX + 64], whole[PATH_MAX + 32];
    snprintf(whole, sizeof whole, "%s/%llu", notes, (unsigned long long)status.st_ino);
    snprintf(path, sizeof path, "%s.%ld", whole, syscall(SYS_gettid));
    FILE *note = fopen(path, "we");
    must(note != NULL, "new note");
    if (S_ISDIR(status.st_mode))
        note_folder(file, note);
    else
        note_file(file, note);
    must(fclose(note) == 0 && rename(path, whole) == 0, "note");
    return 0;
}

int fsync(int file) {
    return synced(file, SYS_fsync);
}

int fdatasync(int file) {
    return synced(file, SYS_fdatasync);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    if (is_ours(file) && is_told("full")) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, file, bytes, count, at);
}
