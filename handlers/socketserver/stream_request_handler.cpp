#include <socketserver/stream_request_handler.hpp>

#include <netinet/tcp.h>

namespace socketserver {

StreamRequestHandler::StreamRequestHandler(Socket& the_request, const Address& client, ServerContext& the_server)
    : BaseRequestHandler(the_request, client, the_server),
      timeout(the_server.connection_options().timeout),
      idle_timeout(the_server.connection_options().idle_timeout),
      line_timeout(the_server.connection_options().line_timeout),
      write_timeout(the_server.connection_options().write_timeout),
      rfile(the_request),
      wfile(the_request) {}

void StreamRequestHandler::setup() {
    if (timeout)
        request.settimeout(timeout);
    if (write_timeout)
        request.set_write_timeout(write_timeout);
    // A server turns Nagle's algorithm off for all its connections, by the socket they are accepted from.
    if (!disable_nagle_algorithm && client_address.family() != AF_UNIX)
        request.setsockopt(IPPROTO_TCP, TCP_NODELAY, 0);
    rfile.set_buffer_size(rbufsize);
    rfile.set_idle_timeout(idle_timeout);
    rfile.set_line_timeout(line_timeout);
    rfile.set_max_lines(server.connection_options().max_lines);
    wfile.set_buffer_size(wbufsize);
}

void StreamRequestHandler::finish() {
    wfile.flush();
}

}  // namespace socketserver
