/* Records what a process does to some files, in the order in which it does it.
 *
 * Loaded before the C library (LD_PRELOAD). It looks at the files whose names begin with
 * RECORDER_FILES, and appends to the file RECORDER_LOG, for each step, one record:
 *
 *   W name offset length\n bytes     written
 *   T name length\n                  cut or extended to a length
 *   S name\n                         flushed: what was written before is on the disk
 *   U name\n                         removed
 *
 * A step and its record are one under a lock, so the log has the order of the steps. A flush is
 * recorded when it has succeeded. Others may append lines of their own to the log.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *names[DESCRIPTORS_MAX]; /* of the open files that are recorded */
static int log_file = -1;

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

static int is_recorded(const char *path) {
    const char *files = getenv("RECORDER_FILES");
    const char *shared = "-shm"; /* memory that processes share, and no part of what is kept */
    size_t length = strlen(path);
    if (!files || strncmp(path, files, strlen(files)) != 0) return 0;
    return length < 4 || strcmp(path + length - 4, shared) != 0;
}

static const char *name_of(int descriptor) {
    return descriptor >= 0 && descriptor < DESCRIPTORS_MAX ? names[descriptor] : NULL;
}

/* Appends a record in one write, so that lines of others stand between records, not in them. */
static void record(const char *head, const void *bytes, size_t length) {
    ssize_t (*real_writev)(int, const struct iovec *, int) = real("writev");
    struct iovec parts[2] = {{(void *)head, strlen(head)}, {(void *)bytes, length}};
    if (log_file < 0) {
        int (*real_open)(const char *, int, ...) = real("open64");
        log_file = real_open(getenv("RECORDER_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    }
    if (log_file < 0 || real_writev(log_file, parts, 2) != (ssize_t)(parts[0].iov_len + length)) {
        abort(); /* a log with gaps would prove nothing */
    }
}

static void written(const char *name, off_t offset, const void *bytes, ssize_t length) {
    char head[4200];
    if (length <= 0) return;
    snprintf(head, sizeof head, "W %s %lld %zd\n", name, (long long)offset, length);
    record(head, bytes, (size_t)length);
}

static void noted(char kind, const char *name) {
    char head[4200];
    snprintf(head, sizeof head, "%c %s\n", kind, name);
    record(head, NULL, 0);
}

static int opened(int descriptor, const char *path) {
    if (descriptor >= 0 && descriptor < DESCRIPTORS_MAX) {
        pthread_mutex_lock(&lock);
        free(names[descriptor]);
        names[descriptor] = is_recorded(path) ? strdup(path) : NULL;
        pthread_mutex_unlock(&lock);
    }
    return descriptor;
}

static mode_t mode_of(int flags, va_list arguments) {
    return flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
    int (*real_open)(const char *, int, ...) = real("open");
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return opened(real_open(path, flags, mode), path);
}

int open64(const char *path, int flags, ...) {
    int (*real_open)(const char *, int, ...) = real("open64");
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return opened(real_open(path, flags, mode), path);
}

int close(int descriptor) {
    int (*real_close)(int) = real("close");
    pthread_mutex_lock(&lock);
    if (name_of(descriptor)) {
        free(names[descriptor]);
        names[descriptor] = NULL;
    }
    pthread_mutex_unlock(&lock);
    return real_close(descriptor);
}

#define WRITE_AT(NAME, OFFSET)                                                                     \
    ssize_t NAME(int descriptor, const void *bytes, size_t length, OFFSET offset) {                \
        ssize_t (*real_write)(int, const void *, size_t, OFFSET) = real(#NAME);                    \
        if (!name_of(descriptor)) return real_write(descriptor, bytes, length, offset);            \
        pthread_mutex_lock(&lock);                                                                 \
        ssize_t done = real_write(descriptor, bytes, length, offset);                              \
        int error = errno;                                                                         \
        written(name_of(descriptor), offset, bytes, done);                                         \
        pthread_mutex_unlock(&lock);                                                               \
        errno = error;                                                                             \
        return done;                                                                               \
    }
WRITE_AT(pwrite, off_t)
WRITE_AT(pwrite64, off64_t)

ssize_t write(int descriptor, const void *bytes, size_t length) {
    ssize_t (*real_write)(int, const void *, size_t) = real("write");
    if (!name_of(descriptor)) return real_write(descriptor, bytes, length);
    pthread_mutex_lock(&lock);
    off_t offset = lseek(descriptor, 0, SEEK_CUR);
    ssize_t done = real_write(descriptor, bytes, length);
    int error = errno;
    written(name_of(descriptor), offset, bytes, done);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

#define RESIZE(NAME, LENGTH)                                                                       \
    int NAME(int descriptor, LENGTH length) {                                                      \
        int (*real_resize)(int, LENGTH) = real(#NAME);                                             \
        if (!name_of(descriptor)) return real_resize(descriptor, length);                          \
        pthread_mutex_lock(&lock);                                                                 \
        int done = real_resize(descriptor, length);                                                \
        int error = errno;                                                                         \
        char head[4200];                                                                           \
        snprintf(head, sizeof head, "T %s %lld\n", name_of(descriptor), (long long)length);        \
        if (done == 0) record(head, NULL, 0);                                                      \
        pthread_mutex_unlock(&lock);                                                               \
        errno = error;                                                                             \
        return done;                                                                               \
    }
RESIZE(ftruncate, off_t)
RESIZE(ftruncate64, off64_t)

#define FLUSH(NAME)                                                                                \
    int NAME(int descriptor) {                                                                     \
        int (*real_flush)(int) = real(#NAME);                                                      \
        if (!name_of(descriptor)) return real_flush(descriptor);                                   \
        pthread_mutex_lock(&lock);                                                                 \
        int done = real_flush(descriptor);                                                         \
        int error = errno;                                                                         \
        if (done == 0) noted('S', name_of(descriptor));                                            \
        pthread_mutex_unlock(&lock);                                                               \
        errno = error;                                                                             \
        return done;                                                                               \
    }
FLUSH(fsync)
FLUSH(fdatasync)

int unlink(const char *path) {
    int (*real_unlink)(const char *) = real("unlink");
    if (!is_recorded(path)) return real_unlink(path);
    pthread_mutex_lock(&lock);
    int done = real_unlink(path);
    int error = errno;
    if (done == 0) noted('U', path);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}
