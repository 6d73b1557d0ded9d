#pragma once

/// \file
/// A server that does to a client whatever a test has in mind.

#include "listener.hpp"

#include <support/clients.hpp>

#include <sys/socket.h>

#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace socketserver::test {

/// Serves connections to a port of 127.0.0.1, one after the other, in a thread of its own until the scope ends.
class ScriptedServer {
public:
    /// \param serve is given each connection, which is closed when it returns or throws, and its number, counted from 0; called
    ///   in that thread
    explicit ScriptedServer(std::function<void(Client&, int)> serve)
        : serve_(std::move(serve)), thread_([this] { run(); }) {}

    /// A server that answers each HTTP request alike.
    explicit ScriptedServer(std::string reply)
        : ScriptedServer([reply = std::move(reply), this](Client& client, int) {
              read_request(client);
              client.send(reply);
          }) {}

    ~ScriptedServer() {
        ::shutdown(listener_.fd(), SHUT_RD);
        thread_.join();
    }
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;

    /// `127.0.0.1:PORT`
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + listener_.port(); }
    /// `http://127.0.0.1:PORT` and a path
    [[nodiscard]] std::string url(const std::string& path = "/") const { return "http://" + address() + path; }

    /// Reads an HTTP request, up to the empty line, and keeps it.
    /// \return its first line without the line end
    std::string read_request(Client& client) {
        std::string request;
        for (std::string line = client.read_line(); !line.empty() && line != "\r\n"; line = client.read_line())
            request += line;
        keep(request);
        return request.substr(0, request.find('\r'));
    }

    /// Keeps a request for the test to see.
    void keep(const std::string& request) {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
    }

    /// The requests kept so far.
    [[nodiscard]] std::vector<std::string> requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }

private:
    void run() {
        try {
            for (int number = 0;; ++number) {
                Client client = listener_.accept();
                try {
                    serve_(client, number);
                } catch (const std::exception&) {
                    // The program had enough; the test sees by what it says whether it should have.
                }
            }
        } catch (const std::system_error&) {
            // The listener has been shut down: the scope ends.
        }
    }

    Listener listener_;
    std::function<void(Client&, int)> serve_;
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;  // guarded by mutex_
    std::thread thread_;
};

}  // namespace socketserver::test
