/// \file
/// A line echo server by the C++20 coroutines of Boost.Asio: a coroutine for each connection, async_read_until.

#include "../baseline.hpp"

#include <utility>  // Boost.Asio 1.74 lacks it for g++ 12

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <exception>
#include <string>

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

asio::awaitable<void> echo(tcp::socket socket) {
    std::string data;
    error_code error;
    while (!error) {
        std::size_t size = co_await asio::async_read_until(socket, asio::dynamic_buffer(data, baseline::max_line), '\n',
                                                           asio::redirect_error(asio::use_awaitable, error));
        if (error == asio::error::eof)
            size = data.size();  // the last line may lack its end
        else if (error)
            co_return;
        error_code broken;
        co_await asio::async_write(socket, asio::buffer(data.data(), size),
                                   asio::redirect_error(asio::use_awaitable, broken));
        if (broken)
            co_return;
        data.erase(0, size);
    }
}

asio::awaitable<void> accept(tcp::acceptor& acceptor) {
    for (;;) {
        error_code error;
        tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
        if (error)
            std::fprintf(stderr, "accept: %s\n", error.message().c_str());
        else
            asio::co_spawn(acceptor.get_executor(), echo(std::move(socket)), asio::detached);
    }
}

}  // namespace

int main(int argc, char* argv[]) {
    try {
        const auto port = static_cast<std::uint16_t>(baseline::prepare(argc, argv).port);
        asio::io_context context(1);
        tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), port});
        acceptor.set_option(tcp::no_delay(true));  // connections inherit it
        baseline::print_port(acceptor.local_endpoint().port());
        asio::co_spawn(context, accept(acceptor), asio::detached);
        context.run();
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "asio_coroutine_echo: %s\n", failure.what());
        return EXIT_FAILURE;
    }
}
