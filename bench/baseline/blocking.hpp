#pragma once

/// \file
/// A connection served by blocking calls, as written by hand in the style of C: by the loop, thread or process that
/// has nothing else to do.

#include "baseline.hpp"

#include <cerrno>

#include <unistd.h>

namespace baseline {

/// Waits for a connection. What has gone wrong with one is no reason to end.
inline int accept_one(int listener) {
    for (;;) {
        const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd >= 0)
            return fd;
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        perror("accept4");
        if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
            exit(EXIT_FAILURE);
        usleep(10000);
    }
}

/// \return false if the connection is broken
inline bool send_all(int fd, const char* data, size_t size) {
    while (size > 0) {
        const ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR)
                continue;
            return false;
        }
        data += sent;
        size -= static_cast<size_t>(sent);
    }
    return true;
}

/// \return 0 at the end of the stream, less if the connection is broken
inline ssize_t receive(int fd, char* data, size_t size) {
    ssize_t count = 0;
    do
        count = recv(fd, data, size, 0);
    while (count < 0 && errno == EINTR);
    return count;
}

/// Sends back line by line until the client ends. Lines that came together leave by one send; the last one may lack its
/// end.
/// \param limit how many lines at most; 0: any number
inline void echo_lines(int fd, long limit) {
    char buffer[max_line + read_size];
    size_t kept = 0;  // the beginning of a line
    long lines = 0;
    for (;;) {
        const ssize_t count = receive(fd, buffer + kept, read_size);
        if (count <= 0) {
            if (count == 0)
                send_all(fd, buffer, kept);
            return;
        }
        const size_t size = kept + static_cast<size_t>(count);
        size_t begin = 0;
        size_t scanned = kept;
        // Each line is found and taken by itself, as a server that does something with them must.
        while (const void* newline = memchr(buffer + scanned, '\n', size - scanned)) {
            begin = static_cast<size_t>(static_cast<const char*>(newline) - buffer) + 1;
            scanned = begin;
            if (++lines == limit)
                break;
        }
        if (!send_all(fd, buffer, begin) || (lines == limit && limit > 0))
            return;
        kept = size - begin;
        if (kept > max_line)
            return;
        if (begin > 0)
            memmove(buffer, buffer + begin, kept);
    }
}

/// Sends back what comes as it comes until the client ends.
inline void echo_bytes(int fd) {
    char buffer[read_size];
    for (;;) {
        const ssize_t count = receive(fd, buffer, sizeof buffer);
        if (count <= 0 || !send_all(fd, buffer, static_cast<size_t>(count)))
            return;
    }
}

/// Serves a connection and closes it.
inline void serve(int fd, const Arguments& arguments) {
    if (arguments.raw)
        echo_bytes(fd);
    else
        echo_lines(fd, arguments.lines);
    close(fd);
}

}  // namespace baseline
