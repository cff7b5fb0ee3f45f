/* floor FILES BYTES FOLDERS OUT: create FILES files of BYTES bytes each, spread over FOLDERS folders.
 *
 * The least that any generator must do to leave such a tree behind: no rename, no sync, no content.
 * In C, since an interpreter's start alone would hide the cost of the system calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(const char *path) {
    fprintf(stderr, "floor: %s: %s\n", path, strerror(errno));
    exit(1);
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: floor FILES BYTES FOLDERS OUT\n");
        return 2;
    }
    long files = atol(argv[1]), bytes = atol(argv[2]), folders = atol(argv[3]);
    char path[4096];
    char *data = malloc(bytes ? bytes : 1);
    if (!data || folders < 1) {
        fprintf(stderr, "floor: bad size or number of folders\n");
        return 2;
    }
    memset(data, 'x', bytes);
    if (mkdir(argv[4], 0777)) fail(argv[4]);
    for (long i = 0; i < folders; i++) {
        snprintf(path, sizeof path, "%s/%ld", argv[4], i);
        if (mkdir(path, 0777)) fail(path);
    }
    for (long i = 0; i < files; i++) {
        snprintf(path, sizeof path, "%s/%ld/%ld", argv[4], i % folders, i / folders);
        int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (file < 0) fail(path);
        for (long done = 0; done < bytes;) {
            ssize_t wrote = write(file, data + done, bytes - done);
            if (wrote < 0) fail(path);
            done += wrote;
        }
        if (close(file)) fail(path);
    }
    return 0;
}
