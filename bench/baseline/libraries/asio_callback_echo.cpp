/// \file
/// A line echo server by the callbacks of Boost.Asio: async_read_until, async_write.

#include "../baseline.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

class Session : public std::enable_shared_from_this<Session> {
public:
    explicit Session(tcp::socket socket) : socket_(std::move(socket)) {}

    void read() {
        asio::async_read_until(socket_, asio::dynamic_buffer(data_, baseline::max_line), '\n',
                               [self = shared_from_this()](const error_code& error, std::size_t size) {
                                   if (!error)
                                       self->write(size);
                                   else if (error == asio::error::eof && !self->data_.empty())
                                       self->write(self->data_.size());  // the last line may lack its end
                               });
    }

private:
    void write(std::size_t size) {
        asio::async_write(socket_, asio::buffer(data_.data(), size),
                          [self = shared_from_this()](const error_code& error, std::size_t sent) {
                              if (error)
                                  return;
                              self->data_.erase(0, sent);
                              self->read();
                          });
    }

    tcp::socket socket_;
    std::string data_;
};

void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([&acceptor](const error_code& error, tcp::socket socket) {
        if (error)
            std::fprintf(stderr, "accept: %s\n", error.message().c_str());
        else
            std::make_shared<Session>(std::move(socket))->read();
        accept(acceptor);
    });
}

}  // namespace

int main(int argc, char* argv[]) {
    try {
        const auto port = static_cast<std::uint16_t>(baseline::prepare(argc, argv).port);
        asio::io_context context(1);
        tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), port});
        acceptor.set_option(tcp::no_delay(true));  // connections inherit it
        baseline::print_port(acceptor.local_endpoint().port());
        accept(acceptor);
        context.run();
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "asio_callback_echo: %s\n", failure.what());
        return EXIT_FAILURE;
    }
}
