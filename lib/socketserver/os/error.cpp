#include <socketserver/os/error.hpp>

#include <string>

namespace socketserver {

error_code system_code(int error) noexcept {
    return {error, boost::system::system_category()};
}

void throw_error(error_code error, std::string_view operation, std::string_view subject) {
    std::string what{operation};
    if (!subject.empty()) {
        what += ' ';
        what += subject;
    }
    throw system_error(error, what);
}

void throw_errno(int error, std::string_view operation, std::string_view subject) {
    throw_error(system_code(error), operation, subject);
}

bool is_timeout(const error_code& error) noexcept {
    return error == boost::system::errc::timed_out;
}

}  // namespace socketserver
