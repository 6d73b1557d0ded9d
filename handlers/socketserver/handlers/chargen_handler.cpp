#include <socketserver/handlers/chargen_handler.hpp>

#include <socketserver/handlers/reply_guard.hpp>
#include <socketserver/net/waiter.hpp>

#include <random>

namespace socketserver {

namespace {

constexpr std::uint64_t printing_characters = 95;  // from the space to the tilde

// All the lines there are: one piece of these is sent as fast as many, and the next one begins as this one does.
std::string all_lines() {
    std::string lines;
    for (std::uint64_t number = 0; number < printing_characters; ++number) {
        const auto line = chargen_line(number);
        lines.append(line.data(), line.size());
    }
    return lines;
}

}  // namespace

std::array<char, chargen_line_length + 2> chargen_line(std::uint64_t number) noexcept {
    std::array<char, chargen_line_length + 2> line{};
    for (std::size_t i = 0; i < chargen_line_length; ++i)
        line[i] = static_cast<char>(' ' + (number % printing_characters + i) % printing_characters);
    line[chargen_line_length] = '\r';
    line[chargen_line_length + 1] = '\n';
    return line;
}

std::string chargen_text(std::size_t size) {
    std::string text;
    text.reserve(size + chargen_line_length + 2);
    for (std::uint64_t number = 0; text.size() < size; ++number) {
        const auto line = chargen_line(number);
        text.append(line.data(), line.size());
    }
    text.resize(size);
    return text;
}

void ChargenHandler::handle() {
    const std::string lines = all_lines();
    // A client that reads as fast as we write leaves nothing to wait for, so the others get their turn by intent.
    while (!request.stop_requested() && give_way() != WaitResult::cut) {
        error_code error;
        request.sendall(lines, error);
        // This is how it ends: the client closes the connection, maybe with something unread.
        if (error == system_code(EPIPE) || error == system_code(ECONNRESET))
            return;
        if (error)
            throw_error(error, "send to", client_address.to_string());
    }
}

void ChargenDatagramHandler::handle() {
    if (!may_be_answered(client_address, server.server_address()))
        return;
    std::random_device random;
    std::uniform_int_distribution<std::size_t> length(0, longest_reply);
    request.reply(chargen_text(length(random)));
}

}  // namespace socketserver
