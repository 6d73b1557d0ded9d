#include <socketserver/detail/begin_program.hpp>
#include <socketserver/detail/command_line.hpp>
#include <socketserver/detail/program_server.hpp>
#include <socketserver/detail/served_protocol.hpp>
#include <socketserver/detail/service_manager.hpp>
#include <socketserver/os/descriptor_limit.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/os/printable.hpp>
#include <socketserver/os/standard_streams.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace socketserver::detail {

namespace {

constexpr int exit_usage = 2;

std::string program_name(int argc, char* argv[]) {
    return argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "server";
}

// What happens in normal service is told as the original programs tell it; what went wrong, with the program's name.
Logger make_logger(const std::string& program, bool quiet) {
    return [events = stderr_logger(Severity::info),
            troubles = stderr_logger(quiet ? Severity::error : Severity::warning, program + ": "),
            quiet](Severity severity, std::string_view message) {
        if (severity != Severity::info)
            troubles(severity, message);
        else if (!quiet)
            events(severity, message);
    };
}

Address address_of(int socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw_errno(errno, "getsockname");
    return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&address), size);
}

/// Lets the protocol object to an address before anybody can connect to it.
void check(const ServedProtocol& protocol, const std::string& where, const Address& address) {
    const std::string objection = protocol.objection ? protocol.objection(address) : "";
    if (!objection.empty())
        throw UsageError("will not listen on " + where + ": " + objection);
}

/// What the user can do about an address that cannot be had.
/// \return a clause for the message; empty if the system's own words say all there is to say
std::string cure_for(const error_code& failure, const CommandLine& line) {
    constexpr unsigned first_free_port = 1024;
    const bool is_path = line.unix_path.has_value();
    if (failure == system_code(EADDRINUSE))
        return is_path ? "; end the server that listens there, or choose another path"
                       : "; end the server that listens there, or choose another --port (0: any that is free)";
    if (failure == system_code(EACCES) && !is_path && line.port < first_free_port)
        return "; ports below 1024 need root or CAP_NET_BIND_SERVICE: choose another --port";
    if (failure == system_code(EADDRNOTAVAIL))
        return "; this machine has no such address: --host '' listens on all that it has";
    if (failure == system_code(ENOENT) && is_path)
        return "; its folder must exist";
    return "";
}

std::unique_ptr<ServerLoop> listen(const ServedProtocol& protocol, const CommandLine& line,
                                   const ServerOptions& options) {
    std::string where = line.host.find(':') == std::string::npos ? line.host : '[' + line.host + ']';
    where += ':' + std::to_string(line.port);
    try {
        Address address;
        if (options.inherited_socket >= 0) {
            where = "the socket of LISTEN_FDS";
            check(protocol, where, address_of(options.inherited_socket));
        } else {
            address = line.unix_path ? Address::unix_path(*line.unix_path) : Address(line.host, line.port);
            where = address.to_string();
            check(protocol, where, address);
        }
        return make_server(protocol, line, address, options);
    } catch (const system_error& failure) {
        throw std::runtime_error("cannot listen on " + where + ": " + failure.code().message() +
                                 cure_for(failure.code(), line));
    }
}

std::string in_seconds(std::chrono::nanoseconds span) {
    std::ostringstream text;
    text << std::chrono::duration<double>(span).count() << " s";
    return text.str();
}

void tell_that_it_is_ready(const std::string& program, const CommandLine& line, const ServerLoop& server) {
    const Address& address = server.server_address();
    const char* const family = address.family() == AF_UNIX ? "unix" : line.udp ? "udp" : "tcp";
    std::cout << program << ": listening on " << family << ' ' << address << " (" << to_string(line.mode) << ")\n";
    try {
        flush_standard_output();
    } catch (const system_error& failure) {
        // It serves all the same.
        server.log(Severity::warning, failure.what());
    }
}

int serve(const ServedProtocol& protocol, const CommandLine& line, const std::string& program) {
    // Before a server looks how many connections there may be.
    raise_descriptor_limit();
    UniqueFd inherited = take_inherited_socket(line.udp ? SOCK_DGRAM : SOCK_STREAM);
    ServerOptions options = line.options;
    options.inherited_socket = inherited.release();
    options.unix_socket_mode = protocol.unix_socket_mode;
    options.cut_abandoned = protocol.cut_abandoned;
    // That nobody reads the log any more is no reason to die (write(2), EPIPE).
    std::signal(SIGPIPE, SIG_IGN);
    options.logger = make_logger(program, line.quiet);
    options.stop_signals = true;
    const auto server = listen(protocol, line, options);
    tell_that_it_is_ready(program, line, *server);
    int status = EXIT_SUCCESS;
    try {
        server->serve_forever();
    } catch (const SystemExit& exit) {
        status = exit.status;
    }
    server->server_close();
    if (const auto cut = server->statistics().cut; cut > 0)
        std::cerr << program << ": " << cut << (cut == 1 ? " request" : " requests") << " cut after "
                  << in_seconds(options.drain) << '\n';
    return status;
}

}  // namespace

int run_program(const ServedProtocol& protocol, int argc, char* argv[]) {
    begin_program();
    const std::string program = program_name(argc, argv);
    try {
        const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
        const CommandLine line = parse_command_line(protocol, arguments);
        if (!line.help && !line.version)
            return serve(protocol, line, program);
        answer(ServerHelp(protocol, program).about(), line);
        return EXIT_SUCCESS;
    } catch (const UsageError& failure) {
        std::cerr << program << ": " << printable(failure.what()) << '\n'
                  << usage_line(ServerHelp(protocol, program).about()) << '\n';
        return exit_usage;
    } catch (const std::exception& failure) {
        std::cerr << program << ": " << printable(failure.what()) << '\n';
        return EXIT_FAILURE;
    }
}

}  // namespace socketserver::detail
