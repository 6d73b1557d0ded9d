/// \file
/// A line echo server by libevent's bufferevents. Whole lines move from the input buffer to the output buffer without
/// being copied. Reading stops while many replies wait.

#include "../baseline.hpp"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

namespace {

void close_when_sent(bufferevent* connection, void*) {
    bufferevent_free(connection);
}

void close_when_broken(bufferevent* connection, short, void*) {
    bufferevent_free(connection);
}

void end_connection(bufferevent* connection, short events, void*) {
    evbuffer* const input = bufferevent_get_input(connection);
    if ((events & BEV_EVENT_EOF) != 0 && evbuffer_get_length(input) > 0) {
        // The last line may lack its end.
        bufferevent_setcb(connection, nullptr, close_when_sent, close_when_broken, nullptr);
        bufferevent_write_buffer(connection, input);
    } else {
        bufferevent_free(connection);
    }
}

void answer_lines(bufferevent* connection, void*) {
    evbuffer* const input = bufferevent_get_input(connection);
    evbuffer* const output = bufferevent_get_output(connection);
    for (;;) {
        const evbuffer_ptr newline = evbuffer_search(input, "\n", 1, nullptr);
        if (newline.pos < 0)
            break;
        evbuffer_remove_buffer(input, output, static_cast<size_t>(newline.pos) + 1);
    }
    if (evbuffer_get_length(input) > baseline::max_line)
        bufferevent_free(connection);
    else if (evbuffer_get_length(output) > baseline::max_line)
        bufferevent_disable(connection, EV_READ);
}

void go_on(bufferevent* connection, void*) {
    if ((bufferevent_get_enabled(connection) & EV_READ) == 0)
        bufferevent_enable(connection, EV_READ);
}

void serve(evconnlistener* listener, evutil_socket_t fd, sockaddr*, int, void*) {
    bufferevent* const connection =
        bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
    if (connection == nullptr) {
        evutil_closesocket(fd);
        return;
    }
    bufferevent_setcb(connection, answer_lines, go_on, end_connection, nullptr);
    if (bufferevent_enable(connection, EV_READ | EV_WRITE) != 0)
        bufferevent_free(connection);
}

}  // namespace

int main(int argc, char* argv[]) {
    const baseline::Arguments arguments = baseline::prepare(argc, argv);
    const int fd = baseline::bind_to(arguments.port, SOCK_STREAM | SOCK_NONBLOCK);
    event_base* const base = event_base_new();
    if (base == nullptr || evconnlistener_new(base, serve, nullptr, LEV_OPT_CLOSE_ON_EXEC, 0, fd) == nullptr ||
        event_base_dispatch(base) != 0)
        baseline::fail("libevent");
}
