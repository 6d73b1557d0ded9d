/// \file
/// A line echo server by POCO's TCPServer: a thread of its pool for each connection.

#include "../baseline.hpp"

#include <Poco/Net/NetException.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/TCPServer.h>
#include <Poco/Net/TCPServerConnection.h>
#include <Poco/Net/TCPServerConnectionFactory.h>
#include <Poco/Net/TCPServerParams.h>
#include <Poco/ThreadPool.h>

#include <csignal>
#include <exception>

namespace {

class Connection : public Poco::Net::TCPServerConnection {
public:
    using TCPServerConnection::TCPServerConnection;

    void run() override {
        char buffer[baseline::max_line + baseline::read_size];
        std::size_t kept = 0;  // the beginning of a line
        try {
            for (;;) {
                const int count = socket().receiveBytes(buffer + kept, static_cast<int>(baseline::read_size));
                if (count <= 0) {
                    send(buffer, kept);  // the last line may lack its end
                    return;
                }
                const std::size_t size = kept + static_cast<std::size_t>(count);
                std::size_t begin = 0;
                std::size_t scanned = kept;
                while (const void* newline = std::memchr(buffer + scanned, '\n', size - scanned)) {
                    begin = static_cast<std::size_t>(static_cast<const char*>(newline) - buffer) + 1;
                    scanned = begin;
                }
                send(buffer, begin);
                kept = size - begin;
                if (kept > baseline::max_line)
                    return;
                std::memmove(buffer, buffer + begin, kept);
            }
        } catch (const Poco::Net::NetException&) {
            return;  // the connection is broken
        }
    }

private:
    void send(const char* data, std::size_t size) {
        while (size > 0) {
            const auto sent = static_cast<std::size_t>(socket().sendBytes(data, static_cast<int>(size)));
            data += sent;
            size -= sent;
        }
    }
};

}  // namespace

int main(int argc, char* argv[]) {
    constexpr int many = 20'000;
    try {
        const auto port = static_cast<Poco::UInt16>(baseline::prepare(argc, argv).port);
        sigset_t termination;
        sigemptyset(&termination);
        sigaddset(&termination, SIGTERM);
        if (pthread_sigmask(SIG_BLOCK, &termination, nullptr) != 0)
            baseline::fail("pthread_sigmask");
        const Poco::Net::ServerSocket socket(Poco::Net::SocketAddress("127.0.0.1", port), SOMAXCONN);
        Poco::Net::TCPServerParams::Ptr parameters = new Poco::Net::TCPServerParams;
        parameters->setMaxThreads(many);
        parameters->setMaxQueued(many);
        Poco::ThreadPool threads(2, many);
        Poco::Net::TCPServer server(new Poco::Net::TCPServerConnectionFactoryImpl<Connection>, threads, socket,
                                    parameters);
        server.start();
        baseline::print_port(server.port());
        int signal = 0;
        sigwait(&termination, &signal);
        std::_Exit(EXIT_SUCCESS);  // its threads may be serving
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "poco_echo: %s\n", failure.what());
        return EXIT_FAILURE;
    }
}
