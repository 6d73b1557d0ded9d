/// \file
/// A line echo server by libuv. Whole lines are tried to be sent at once; what the kernel does not take is queued, and
/// reading stops until it has left.

#include "../baseline.hpp"

#include <uv.h>

namespace {

struct Connection {
    uv_tcp_t handle;
    char* partial;  // the beginning of a line
    size_t partial_size;
};

struct Reply {
    uv_write_t request;
    char data[1];  // as long as it takes
};

// One connection reads at a time: they share a buffer. The beginning of a line stands before what is read.
char input[baseline::max_line + baseline::read_size];

void require(int status, const char* call) {
    if (status >= 0)
        return;
    fprintf(stderr, "%s: %s\n", call, uv_strerror(status));
    exit(EXIT_FAILURE);
}

void release(uv_handle_t* handle) {
    auto* const connection = static_cast<Connection*>(handle->data);
    free(connection->partial);
    free(connection);
}

void drop(Connection* connection) {
    auto* const handle = reinterpret_cast<uv_handle_t*>(&connection->handle);
    if (uv_is_closing(handle) == 0)
        uv_close(handle, release);
}

void lend_input(uv_handle_t* handle, size_t, uv_buf_t* buffer) {
    const auto* const connection = static_cast<const Connection*>(handle->data);
    *buffer = uv_buf_init(input + connection->partial_size, static_cast<unsigned>(baseline::read_size));
}

void answer_lines(uv_stream_t* stream, ssize_t count, const uv_buf_t*);

void sent(uv_write_t* request, int status) {
    uv_stream_t* const stream = request->handle;
    free(request);
    if (status != UV_ECANCELED && (status < 0 || uv_read_start(stream, lend_input, answer_lines) != 0))
        drop(static_cast<Connection*>(stream->data));
}

/// \return false if the connection is broken
bool reply(Connection* connection, char* data, size_t size) {
    if (size == 0)
        return true;
    auto* const stream = reinterpret_cast<uv_stream_t*>(&connection->handle);
    const uv_buf_t whole = uv_buf_init(data, static_cast<unsigned>(size));
    const int count = uv_try_write(stream, &whole, 1);
    if (count < 0 && count != UV_EAGAIN)
        return false;
    const size_t taken = count > 0 ? static_cast<size_t>(count) : 0;
    if (taken == size)
        return true;
    auto* const rest = static_cast<Reply*>(malloc(sizeof(Reply) + size - taken));
    if (rest == nullptr)
        return false;
    memcpy(rest->data, data + taken, size - taken);
    const uv_buf_t queued = uv_buf_init(rest->data, static_cast<unsigned>(size - taken));
    if (uv_write(&rest->request, stream, &queued, 1, sent) == 0)
        return uv_read_stop(stream) == 0;
    free(rest);
    return false;
}

void answer_lines(uv_stream_t* stream, ssize_t count, const uv_buf_t*) {
    auto* const connection = static_cast<Connection*>(stream->data);
    if (count == 0)
        return;
    const size_t before = connection->partial_size;
    if (before > 0)
        memcpy(input, connection->partial, before);
    if (count < 0) {
        // The last line may lack its end. What is queued when a handle is closed is lost, as in other servers of libuv.
        if (count == UV_EOF)
            reply(connection, input, before);
        drop(connection);
        return;
    }
    const size_t size = before + static_cast<size_t>(count);
    size_t begin = 0;
    size_t scanned = before;
    while (const void* newline = memchr(input + scanned, '\n', size - scanned)) {
        begin = static_cast<size_t>(static_cast<const char*>(newline) - input) + 1;
        scanned = begin;
    }
    const size_t left = size - begin;
    if (left > 0 || before > 0) {
        free(connection->partial);
        connection->partial = nullptr;
        connection->partial_size = left;
        if (left > 0) {
            connection->partial = static_cast<char*>(malloc(left));
            if (left > baseline::max_line || connection->partial == nullptr) {
                drop(connection);
                return;
            }
            memcpy(connection->partial, input + begin, left);
        }
    }
    if (!reply(connection, input, begin))
        drop(connection);
}

void serve(uv_stream_t* listener, int status) {
    if (status < 0) {
        fprintf(stderr, "accept: %s\n", uv_strerror(status));
        return;
    }
    auto* const connection = static_cast<Connection*>(calloc(1, sizeof(Connection)));
    if (connection == nullptr)
        return;
    require(uv_tcp_init(listener->loop, &connection->handle), "uv_tcp_init");
    connection->handle.data = connection;
    auto* const stream = reinterpret_cast<uv_stream_t*>(&connection->handle);
    if (uv_accept(listener, stream) != 0 || uv_read_start(stream, lend_input, answer_lines) != 0)
        drop(connection);
}

}  // namespace

int main(int argc, char* argv[]) {
    const baseline::Arguments arguments = baseline::prepare(argc, argv);
    const int fd = baseline::bind_to(arguments.port, SOCK_STREAM | SOCK_NONBLOCK);
    uv_loop_t* const loop = uv_default_loop();
    uv_tcp_t listener;
    require(uv_tcp_init(loop, &listener), "uv_tcp_init");
    require(uv_tcp_open(&listener, fd), "uv_tcp_open");
    require(uv_listen(reinterpret_cast<uv_stream_t*>(&listener), SOMAXCONN, serve), "uv_listen");
    uv_run(loop, UV_RUN_DEFAULT);
}
