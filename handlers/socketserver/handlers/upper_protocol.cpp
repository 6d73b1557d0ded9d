#include <socketserver/handlers/upper_protocol.hpp>

#include <algorithm>
#include <string>

namespace socketserver {

void UpperProtocol::data_received(std::string_view data) {
    std::string capitals(data);
    std::transform(capitals.begin(), capitals.end(), capitals.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    transport.write(capitals);
}

}  // namespace socketserver
