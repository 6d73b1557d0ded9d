#include <socketserver/stream_request_handler.hpp>

#include <netinet/tcp.h>

namespace socketserver {

StreamRequestHandler::StreamRequestHandler(Socket& the_request, const Address& client, ServerContext& the_server)
    : BaseRequestHandler(the_request, client, the_server),
      timeout(the_server.connection_options().timeout),
      rfile(the_request),
      wfile(the_request) {}

void StreamRequestHandler::setup() {
    if (timeout)
        request.settimeout(timeout);
    // A server turns Nagle's algorithm off for all its connections, by the socket they are accepted from.
    if (!disable_nagle_algorithm && client_address.family() != AF_UNIX)
        request.setsockopt(IPPROTO_TCP, TCP_NODELAY, 0);
    rfile.set_buffer_size(rbufsize);
    rfile.set_max_lines(server.connection_options().max_lines);
    wfile.set_buffer_size(wbufsize);
}

void StreamRequestHandler::finish() {
    wfile.flush();
}

}  // namespace socketserver
