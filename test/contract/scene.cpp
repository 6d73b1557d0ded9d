#include "scene.hpp"

#include "support/eventually.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>
#include <vector>

namespace socketserver::test {

Scene::Scene(const Combination& combination, const ServerOptions& options)
    : combination_(combination), server_(combination.make(script, options, directory_ / "socket")) {}

Scene::~Scene() {
    script.gate.notify();
    if (closer_.joinable())
        closer_.join();
}

void Scene::serve(std::chrono::milliseconds service_interval) {
    const std::size_t workers_before = script.workers();
    thread_.emplace(*server_, service_interval, [this] { script.now_serving(); });
    // Not before they have closed what they inherited are new descriptors this process' alone.
    if (combination_.preforks && server_->fileno() >= 0) {
        const std::size_t all = workers_before + server_->options().preforking.workers;
        BOOST_TEST(eventually([&] { return script.workers() >= all; }));
    }
}

std::exception_ptr Scene::join() {
    return thread_->join();
}

std::exception_ptr Scene::stop() {
    server_->shutdown();
    return join();
}

void Scene::request_shutdown_by_signal() {
    static ServerLoop* signalled = nullptr;
    signalled = server_.get();
    const auto former = std::signal(SIGUSR2, [](int) { signalled->request_shutdown(); });
    ::raise(SIGUSR2);
    std::signal(SIGUSR2, former);
}

void Scene::begin_closing() {
    closer_ = std::thread([this] { server_->server_close(); });
}

void Scene::finish_closing() {
    closer_.join();
    join();
}

Client Scene::connect() const {
    const Address& address = server_->server_address();
    return is_unix() ? Client(std::filesystem::path(address.path())) : Client(address.host(), address.port());
}

std::vector<Client> Scene::served_clients(int count) const {
    return test::served_clients(count, [this] { return connect(); });
}

DatagramClient Scene::datagram_client() const {
    const Address& address = server_->server_address();
    return is_unix() ? DatagramClient(std::filesystem::path(address.path()))
                     : DatagramClient(address.host(), address.port());
}

std::string Scene::exchange(std::string_view bytes) const {
    return send(bytes).answer();
}

Scene::Sent Scene::send(std::string_view bytes) const {
    Sent sent;
    if (combination_.is_stream()) {
        sent.stream = std::make_unique<Client>(connect());
        try {
            sent.stream->send(bytes);
        } catch (const std::system_error& error) {
            // A server that has closed already, on purpose: the answer tells.
            if (error.code().value() != EPIPE && error.code().value() != ECONNRESET)
                throw;
        }
    } else {
        sent.datagram = std::make_unique<DatagramClient>(datagram_client());
        sent.datagram->send(bytes);
    }
    return sent;
}

std::size_t Scene::logged(std::string_view text) const {
    const auto lines = script.log.lines();
    return static_cast<std::size_t>(std::count_if(
        lines.begin(), lines.end(), [text](const std::string& line) { return line.find(text) != std::string::npos; }));
}

}  // namespace socketserver::test
