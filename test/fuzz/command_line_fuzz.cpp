#include "input.hpp"
#include "targets.hpp"

#include <socketserver/detail/command_line.hpp>
#include <socketserver/net/datagram.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace socketserver::fuzz {

namespace {

// Of the handlers a command line need only know whether there are any.
class NoHandlers : public detail::HandlerMaker<Datagram> {
public:
    void run(Datagram&, const Address&, ServerContext&) override {}
    [[nodiscard]] bool event_style() const noexcept override { return false; }
    std::unique_ptr<detail::EventSession> begin(Datagram&, const Address&, ServerContext&) override { return nullptr; }
};

// A protocol with one option of each kind and an argument.
struct Example {
    Example() {
        protocol.default_port = 21567;
        protocol.datagrams = std::make_unique<NoHandlers>();
        protocol.options("switch", "", on);
        protocol.options("word", "", word);
        protocol.options("count", "", count);
        protocol.options("public-port", "", port);
        protocol.options("limit", "", limit);
        protocol.options.argument("DIR", "", folder);
    }

    detail::ServedProtocol protocol;
    bool on = false;
    std::string word;
    std::size_t count = 0;
    std::uint16_t port = 0;
    std::chrono::nanoseconds limit{};
    std::string folder;
};

using Arguments = std::vector<std::string>;

// What a command line asks for, as text; nothing if it is refused.
std::optional<std::string> meaning(const Arguments& arguments) {
    Example example;
    try {
        const detail::CommandLine line = detail::parse_command_line(example.protocol, arguments);
        if (line.help || line.version)
            return "help or version";
        const ServerOptions& options = line.options;
        require(line.workers.value_or(1) > 0, "somebody works");
        require(options.request_queue_size > 0 && options.drain.count() >= 0, "numbers are within their bounds");
        require(options.connection.timeout.value_or(std::chrono::nanoseconds(1)).count() > 0,
                "a time-out is a time, or there is none");
        require(options.forking.max_children > 0 && options.threading.max_threads > 0, "somebody is served");
        require(!line.unix_path || !line.unix_path->empty(), "a path is not empty");
        std::string text;
        for (const std::string& value :
             {std::string(to_string(line.mode)), std::string(to_string(line.inner)), line.host,
              std::to_string(line.port), line.unix_path.value_or("no path"), std::to_string(line.udp),
              std::to_string(line.quiet), std::to_string(line.workers.value_or(0)),
              std::to_string(options.drain.count()), std::to_string(options.forking.max_children),
              std::to_string(options.request_queue_size), std::to_string(example.on), example.word,
              std::to_string(example.count), std::to_string(example.port), std::to_string(example.limit.count()),
              example.folder})
            text += value + '\n';
        return text;
    } catch (const detail::UsageError& refusal) {
        require(refusal.what() != std::string(), "a refusal says what is wrong");
        return std::nullopt;
    }
}

// "--name=value" in two arguments, where the value could not be taken for an option, nor all of it for the value of the one
// before.
Arguments with_values_apart(const Arguments& arguments) {
    Arguments apart;
    bool may_be_value = false;
    for (const std::string& argument : arguments) {
        if (argument == "--")
            return arguments;
        const std::size_t equals = argument.find('=');
        const bool has_value = argument.starts_with("--") && equals != std::string::npos;
        const bool two =
            has_value && !may_be_value && equals > 2 && equals + 1 < argument.size() && argument[equals + 1] != '-';
        apart.push_back(two ? argument.substr(0, equals) : argument);
        if (two)
            apart.push_back(argument.substr(equals + 1));
        may_be_value = argument.starts_with("-") && !has_value;
    }
    return apart;
}

}  // namespace

void fuzz_command_line(std::string_view bytes) {
    Arguments arguments;
    for (std::string_view rest = bytes; !rest.empty();) {
        const std::string_view argument = rest.substr(0, rest.find('\n'));
        arguments.emplace_back(argument);
        rest.remove_prefix(std::min(argument.size() + 1, rest.size()));
    }
    const auto asked_for = meaning(arguments);
    if (asked_for)
        require(meaning(with_values_apart(arguments)) == asked_for, "values may stand in an argument of their own");
    const Example example;
    const detail::ServerHelp help(example.protocol, "program");
    require(detail::usage_line(help.about()).find("DIR") != std::string::npos, "the usage is there whatever was given");
    // As wide as the input is long.
    const std::string text = detail::help_text(help.about(), "", bytes.size() % 100 + 1);
    require(text.find("DIR") != std::string::npos, "help is there whatever was given");
}

}  // namespace socketserver::fuzz
