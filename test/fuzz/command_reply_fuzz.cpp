#include "input.hpp"
#include "targets.hpp"

#include "parsing.hpp"

#include <socketserver/handlers/command_reply.hpp>

namespace socketserver::fuzz {

void fuzz_command_reply(std::string_view bytes) {
    check_prefixes(bytes, [](std::string_view front) { return parse_command_reply(front); });
    const auto reply = parse_command_reply(bytes);
    require(!reply.is_incomplete() || bytes.size() < 32, "a head has at most 32 bytes");
    if (!reply)
        return;
    require(reply->status >= 0 && reply->status <= 255, "a status is from 0 to 255");
    require(to_string(*reply) == bytes.substr(0, reply.consumed()), "a head that is taken is as it would be sent");
}

}  // namespace socketserver::fuzz
