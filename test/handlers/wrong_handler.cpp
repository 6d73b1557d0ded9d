// Does not compile. wrong_handler.cmake checks that the compiler says why, in the library's words.

#include <socketserver/socketserver.hpp>

namespace ss = socketserver;

#if defined(NO_HANDLE)
// Has no setup() and no handle().
class Wrong {
public:
    Wrong(ss::Socket&, const ss::Address&, ss::ServerContext&) {}
    void finish() {}
};
#elif defined(NO_CONSTRUCTOR)
// A handler of datagrams under a server of connections.
class Wrong : public ss::DatagramRequestHandler {
public:
    using DatagramRequestHandler::DatagramRequestHandler;
};
#else
// Nothing wrong: what else the compiler may complain of would spoil the test.
class Wrong : public ss::StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;
};
#endif

int main() {
    ss::TCPServer<Wrong> server({"127.0.0.1", 0});
}
