#include <socketserver/handlers/gopher_handler.hpp>

#include <socketserver/net/offload.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <span>
#include <stdexcept>
#include <utility>

namespace socketserver {

namespace {

using namespace std::chrono_literals;

/// Reads a piece of a file. May block.
/// \return as much as there is, up to the buffer's size
std::size_t read_at(int file, std::span<char> buffer, std::uint64_t offset) {
    const auto count = ::pread(file, buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (count < 0)
        throw_errno(errno, "read a file");
    return static_cast<std::size_t>(count);
}

bool is_text(std::string_view bytes) noexcept {
    // What terminals, printers and editors put into texts.
    constexpr std::string_view usual = "\t\n\r\f\v\b\x1b";
    return std::all_of(bytes.begin(), bytes.end(), [&](char c) {
        return is_gopher_field({&c, 1}) || usual.find(c) != std::string_view::npos;
    });
}

/// The type of an open file. May block.
char type_of(const Folder::File& file, std::string_view name) {
    if (file.is_folder())
        return '1';
    if (const auto type = gopher_type_by_suffix(name))
        return *type;
    std::array<char, 4096> front;  // NOLINT(cppcoreguidelines-pro-type-member-init): pread(2) fills it
    const auto count = ::pread(file.descriptor.get(), front.data(), front.size(), 0);
    return count >= 0 && is_text({front.data(), static_cast<std::size_t>(count)}) ? '0' : '9';
}

/// The type of what a folder has under a name; nothing if it is not served. May block.
std::optional<char> type_of(const GopherOptions& options, const std::string& name) {
    error_code error;
    const auto status = options.folder.look_at(name, error, options.lookup());
    if (error)
        return std::nullopt;
    if (S_ISDIR(status.st_mode))
        return '1';
    if (const auto type = gopher_type_by_suffix(name))
        return type;
    const Folder::File file = options.folder.open(name, error, options.lookup());
    // It is there and may not be read: whoever asks for it is told.
    return error ? '9' : type_of(file, name);
}

/// While it lives, the connection ends by a reset and not in order, whatever becomes of the handler or its process: who is sent a
/// part of a file must not take it for the whole. On a Unix socket there is no reset: it just ends.
class ResetUnlessComplete {
public:
    explicit ResetUnlessComplete(Socket& connection) : connection_(connection) { set_linger(1); }
    ~ResetUnlessComplete() {
        // Before the server shuts the connection down, which would tell of an end in order.
        if (!complete_)
            connection_.close();
    }
    ResetUnlessComplete(const ResetUnlessComplete&) = delete;
    ResetUnlessComplete& operator=(const ResetUnlessComplete&) = delete;

    /// Tells that all of the file has been sent.
    void complete() {
        set_linger(0);
        complete_ = true;
    }

private:
    void set_linger(int on) {
        const linger reset{on, 0};
        connection_.setsockopt(SOL_SOCKET, SO_LINGER, std::as_bytes(std::span(&reset, 1)));
    }

    Socket& connection_;
    bool complete_ = false;
};

[[noreturn]] void fail_for_change(const std::string& name) {
    throw std::runtime_error("'" + name + "' changed while it was sent");
}

/// May block.
void require_unchanged(const Folder::File& file, const std::string& name) {
    if (offload([&] { return file.has_changed(); }))
        fail_for_change(name);
}

bool is_served(std::string_view component) noexcept {
    return !component.starts_with('.') && is_gopher_field(component);
}

/// The name that a selector stands for in the folder; nothing if there can be none.
std::optional<std::string> name_of(std::string_view selector) {
    if (selector.starts_with('/'))
        selector.remove_prefix(1);
    if (selector.ends_with('/'))
        selector.remove_suffix(1);
    for (std::size_t begin = 0; begin < selector.size();) {
        const auto end = std::min(selector.find('/', begin), selector.size());
        if (!is_served(selector.substr(begin, end - begin)))
            return std::nullopt;
        begin = end + 1;
    }
    return std::string(selector);
}

/// What clients are told of a failure; nothing if it is the server's own trouble.
std::optional<std::string_view> reason_for_clients(error_code error) noexcept {
    switch (error.value()) {
        case EACCES:
        case EPERM: return "may not be read";
        case EINVAL:
        case ELOOP:
        case ENAMETOOLONG:
        case ENOENT:
        case ENOTDIR:
        case ENXIO:
        case EXDEV: return "does not exist here";
        default: return std::nullopt;
    }
}

}  // namespace

void GopherHandler::handle() {
    const auto asked = read_request();
    if (!asked)
        return;
    if (asked->is_error()) {
        send_error(asked->error());
        discard_input();
        return;
    }
    answer(**asked);
}

/// Reads up to the end of the request's line.
/// \return nothing if the client sends none
std::optional<ParseResult<GopherRequest>> GopherHandler::read_request() {
    std::string received;
    for (;;) {
        const std::string_view more = rfile.read_some();
        if (more.empty() && (received.empty() || request.stop_requested()))
            return std::nullopt;
        // The end of the stream ends a line, too.
        received += more.empty() ? "\n" : more;
        auto asked = parse_gopher_request(received);
        if (!asked.is_incomplete())
            return asked;
    }
}

void GopherHandler::answer(const GopherRequest& asked) {
    const auto name = name_of(asked.selector);
    if (!name)
        return send_failure(asked.selector, system_code(ENOENT));
    error_code error;
    char type = '9';
    const Folder::File file = offload([&] {
        Folder::File found = options_.folder.open(*name, error, options_.lookup());
        if (!error)
            type = type_of(found, *name);
        return found;
    });
    if (error)
        return send_failure(asked.selector, error);
    switch (type) {
        case '0': return send_text(file, *name);
        case '1': return send_menu(*name);
        default: return send_binary(file, *name);
    }
}

void GopherHandler::send_error(std::string_view message) {
    wfile << gopher_error(message);
}

void GopherHandler::send_failure(std::string_view selector, error_code error) {
    std::string message = "'" + std::string(selector) + "' ";
    const auto reason = reason_for_clients(error);
    if (!reason)
        server.log(Severity::error, message + "cannot be read: " + error.message());
    message += reason.value_or("cannot be read now");
    send_error(message);
}

void GopherHandler::send_menu(const std::string& name) {
    constexpr std::size_t batch = 64;
    error_code error;
    auto found = offload([&] {
        auto names = options_.folder.list(name, options_.max_entries, error, options_.lookup());
        std::sort(names.names.begin(), names.names.end());
        return names;
    });
    if (error)
        return send_failure(name, error);
    const Address address = request.getsockname();
    const bool has_port = address.family() != AF_UNIX;
    GopherItem here;
    here.host = !options_.public_host.empty() ? options_.public_host : has_port ? address.host() : "localhost";
    here.port = options_.public_port != 0 ? options_.public_port : has_port ? address.port() : gopher_port;
    for (std::span<const std::string> rest(found.names); !rest.empty();) {
        const auto some = rest.first(std::min(batch, rest.size()));
        wfile << offload([&] { return menu_lines(name, some, here); });
        rest = rest.subspan(some.size());
    }
    if (!found.complete) {
        const std::string note = "there are more entries than the " + std::to_string(options_.max_entries) + " listed";
        wfile << gopher_error(note);
        return;
    }
    wfile << gopher_last_line;
}

/// The lines for some entries of a folder. May block.
/// \param here has the server's host and port
std::string GopherHandler::menu_lines(const std::string& folder, std::span<const std::string> names,
                                      const GopherItem& here) const {
    std::string lines;
    for (const std::string& name : names) {
        GopherItem item = here;
        item.display = name;
        item.selector = folder;
        if (!folder.empty())
            item.selector += '/';
        item.selector += name;
        if (!is_served(name) || item.selector.size() > gopher_selector_limit)
            continue;
        if (const auto type = type_of(options_, item.selector)) {
            item.type = *type;
            lines += to_gopher_line(item);
        }
    }
    return lines;
}

void GopherHandler::send_text(const Folder::File& file, const std::string& name) {
    ResetUnlessComplete sending(request);
    GopherTextEncoder encoder;
    std::string bytes;
    // No further than the file was long at first: one that is appended to all the time must have an end.
    const auto size = static_cast<std::uint64_t>(file.status.st_size);
    for (std::uint64_t offset = 0; offset < size;) {
        bytes.clear();
        const std::size_t count = offload([&] {
            std::array<char, 16'384> piece;  // NOLINT(cppcoreguidelines-pro-type-member-init): read_at() fills it
            const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), size - offset));
            const std::size_t read = read_at(file.descriptor.get(), std::span(piece).first(wanted), offset);
            encoder.encode({piece.data(), read}, bytes);
            return read;
        });
        if (count == 0)
            fail_for_change(name);
        offset += count;
        wfile << bytes;
    }
    require_unchanged(file, name);
    bytes.clear();
    encoder.finish(bytes);
    wfile << bytes;
    wfile.flush();
    sending.complete();
}

void GopherHandler::send_binary(const Folder::File& file, const std::string& name) {
    ResetUnlessComplete sending(request);
    // The time-out is for each piece.
    constexpr std::uint64_t piece = 262'144;
    const int descriptor = file.descriptor.get();
    const auto size = static_cast<std::uint64_t>(file.status.st_size);
    for (std::uint64_t offset = 0; offset < size;) {
        const std::uint64_t wanted = std::min(piece, size - offset);
        // sendfile(2) would hold up all fibers while the disk is read: the pages are fetched before, up to the last one.
        offload([&] {
            ::posix_fadvise(descriptor, static_cast<off_t>(offset), static_cast<off_t>(wanted), POSIX_FADV_WILLNEED);
            std::array<char, 1> last{};
            static_cast<void>(read_at(descriptor, last, offset + wanted - 1));
        });
        const std::uint64_t sent = request.sendfile(descriptor, offset, wanted);
        offset += sent;
        if (sent < wanted)
            fail_for_change(name);
    }
    require_unchanged(file, name);
    sending.complete();
}

/// Reads on for a moment: what is unread when a connection is closed resets it, and may take the answer with it before the
/// client has read that (RFC 1122, section 4.2.2.13).
void GopherHandler::discard_input() {
    constexpr std::size_t most = 1'048'576;
    const auto deadline = Deadline::after(2s);
    wfile.flush();
    request.shutdown(SHUT_WR);
    for (std::size_t discarded = 0;
         discarded < most && request.wait(Interest::readable, deadline) == WaitResult::ready;) {
        const std::size_t count = rfile.read_some().size();
        if (count == 0)
            return;
        discarded += count;
    }
}

}  // namespace socketserver
