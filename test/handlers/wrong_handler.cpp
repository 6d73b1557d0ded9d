// Does not compile. wrong_handler.cmake checks that the compiler says why, in the library's words.

#include <socketserver/os/process_mutex.hpp>
#include <socketserver/os/shared_memory.hpp>
#include <socketserver/socketserver.hpp>

#include <atomic>
#include <ostream>
#include <string>

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
#elif defined(ABSTRACT)
// Leaves line_received() to nobody.
class Wrong : public ss::LineProtocol {
public:
    using LineProtocol::LineProtocol;
};
#elif defined(CONST_HANDLE)
class Wrong : public ss::StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;
    void handle() const {}
};
#elif defined(HANDLE_WITH_ARGUMENT)
class Wrong : public ss::StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;
    void handle(int = 0) {}
};
#elif defined(CONST_SETUP)
class Wrong : public ss::StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;
    void setup() const {}
};
#elif defined(CONST_CALLBACK)
class Wrong : public ss::Protocol {
public:
    using Protocol::Protocol;
    void data_received(std::string_view) const {}
};
#elif defined(CALLBACK_WITH_STRING)
class Wrong : public ss::LineProtocol {
public:
    using LineProtocol::LineProtocol;
    void line_received(std::string_view) override {}
    void rest_received(const std::string&) {}
};
#elif defined(ENUMERATION_WRITTEN) || defined(ATOMIC_WRITTEN)
class Wrong : public ss::StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;
    enum Colour { red };
    void handle() override {
#if defined(ENUMERATION_WRITTEN)
        wfile << red;
#else
        std::atomic<int> number{1};
        wfile << number;
#endif
    }
};
#elif defined(SHARED_MUTEX) || defined(SHARED_CONDITION)
struct Shared {
#if defined(SHARED_MUTEX)
    ss::mutex mutex;
#else
    ss::condition_variable condition;
#endif
    int count = 0;
};
const ss::SharedMemory<Shared> shared;
class Wrong : public ss::StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;
};
#else
// Nothing wrong: what else the compiler may complain of would spoil the test.
struct Shared {
    ss::process_mutex mutex;
    int count = 0;
};

class Wrong : public ss::StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;

    void handle() noexcept override {}

private:
    ss::SharedMemory<Shared> shared_;
};

// Its callbacks are nobody else's business.
class Right : public ss::LineProtocol {
public:
    using LineProtocol::LineProtocol;

private:
    void connection_made() override { transport << true << std::endl << std::flush; }
    void line_received(std::string_view) override {}
};
#endif

int main() {
    ss::TCPServer<Wrong> server({"127.0.0.1", 0});
#if defined(NO_FAULT)
    ss::TCPServer<Right> right({"127.0.0.1", 0});
#endif
}
