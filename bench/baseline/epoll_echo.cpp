/// \file
/// A line echo server as written by hand for epoll(7), in the style of C: what Selecting is held against.
///
/// Edge-triggered, one epoll_ctl for each connection. A read goes into one buffer that all connections share; whole
/// lines are collected behind each other and leave by one send, so a request on a connection costs one recv, one send and
/// its part of an epoll_wait. A read that returned less than asked for has found the end of what had come: as in the
/// library it is not repeated until the next event, except once the peer has hung up. Only a connection with part of a
/// line, or with a peer that does not take its replies, holds memory. Reading stops while replies wait. Lines are at most
/// 64 KiB. With --raw nothing looks for lines: what comes goes back.

#include "baseline.hpp"

#include <cerrno>

#include <sys/epoll.h>
#include <unistd.h>

namespace {

using baseline::fail;
using baseline::max_line;
using baseline::read_size;

constexpr int max_events = 256;

struct Connection {
    int fd;
    bool readable;  // there may be something to read
    bool hung_up;   // a short read does not tell the end
    bool ending;    // closed when its replies have left
    long lines;     // that were answered
    char* partial;  // the beginning of a line
    size_t partial_size;
    char* unsent;  // replies that the kernel had no room for
    size_t unsent_size;
};

int epoll_fd;
baseline::Arguments arguments;
char input[max_line + read_size];

void drop(Connection* connection) {
    close(connection->fd);
    free(connection->partial);
    free(connection->unsent);
    free(connection);
}

/// Keeps a copy of what is left of some bytes.
/// \return false if there is no memory
bool keep(char** kept, size_t* kept_size, const char* data, size_t size) {
    char* copy = nullptr;
    if (size > 0) {
        copy = static_cast<char*>(malloc(size));
        if (copy == nullptr)
            return false;
        memcpy(copy, data, size);
    }
    free(*kept);
    *kept = copy;
    *kept_size = size;
    return true;
}

/// Sends, and keeps what the kernel does not take.
/// \return false if the connection is broken
bool reply(Connection* connection, const char* data, size_t size) {
    while (size > 0) {
        const ssize_t sent = send(connection->fd, data, size, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR)
                continue;
            if (errno != EAGAIN)
                return false;
            break;
        }
        data += sent;
        size -= static_cast<size_t>(sent);
    }
    if (size == 0 && connection->unsent == nullptr)
        return true;
    return keep(&connection->unsent, &connection->unsent_size, data, size);
}

/// Reads once and answers the lines that are whole then.
/// \return false if the connection has ended
bool read_and_answer(Connection* connection) {
    const size_t before = connection->partial_size;
    if (before > 0)
        memcpy(input, connection->partial, before);
    ssize_t count = 0;
    do
        count = recv(connection->fd, input + before, read_size, 0);
    while (count < 0 && errno == EINTR);
    if (count < 0) {
        connection->readable = false;
        return errno == EAGAIN;
    }
    if (count == 0) {
        // The last line may lack its end.
        if (before > 0)
            reply(connection, input, before);
        return false;
    }
    connection->readable = static_cast<size_t>(count) == read_size || connection->hung_up;
    if (arguments.raw)
        return reply(connection, input, static_cast<size_t>(count));
    const size_t size = before + static_cast<size_t>(count);
    size_t begin = 0;
    size_t scanned = before;
    // Each line is found and taken by itself, as a server that does something with them must.
    while (const void* newline = memchr(input + scanned, '\n', size - scanned)) {
        begin = static_cast<size_t>(static_cast<const char*>(newline) - input) + 1;
        scanned = begin;
        if (++connection->lines == arguments.lines) {
            connection->ending = true;
            return reply(connection, input, begin) && connection->unsent != nullptr;
        }
    }
    if (size - begin > max_line)
        return false;
    if ((before > 0 || begin < size) &&
        !keep(&connection->partial, &connection->partial_size, input + begin, size - begin))
        return false;
    return reply(connection, input, begin);
}

void serve(Connection* connection, unsigned events) {
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        connection->hung_up = true;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        connection->readable = true;
    if ((events & EPOLLOUT) != 0 && connection->unsent != nullptr) {
        char* const data = connection->unsent;
        const size_t size = connection->unsent_size;
        connection->unsent = nullptr;
        connection->unsent_size = 0;
        const bool well = reply(connection, data, size);
        free(data);
        if (!well || (connection->ending && connection->unsent == nullptr)) {
            drop(connection);
            return;
        }
    }
    while (connection->readable && connection->unsent == nullptr) {
        if (!read_and_answer(connection)) {
            drop(connection);
            return;
        }
    }
}

void accept_all(int listener) {
    for (;;) {
        const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            if (errno != EAGAIN)
                perror("accept4");
            return;
        }
        auto* const connection = static_cast<Connection*>(calloc(1, sizeof(Connection)));
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
        event.data.ptr = connection;
        if (connection == nullptr || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
            free(connection);
            close(fd);
            continue;
        }
        connection->fd = fd;
    }
}

}  // namespace

int main(int argc, char* argv[]) {
    arguments = baseline::prepare(argc, argv);
    const int listener = baseline::bind_to(arguments.port, SOCK_STREAM | SOCK_NONBLOCK);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.ptr = nullptr;
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) != 0)
        fail("epoll");
    for (;;) {
        epoll_event events[max_events];
        const int count = epoll_wait(epoll_fd, events, max_events, -1);
        if (count < 0 && errno != EINTR)
            fail("epoll_wait");
        for (int i = 0; i < count; ++i) {
            if (events[i].data.ptr == nullptr)
                accept_all(listener);
            else
                serve(static_cast<Connection*>(events[i].data.ptr), events[i].events);
        }
    }
}
