#pragma once

/// \file
/// A gopher server over a folder (RFC 1436).

#include <socketserver/handlers/gopher_protocol.hpp>
#include <socketserver/os/folder.hpp>
#include <socketserver/stream_request_handler.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace socketserver {

/// What a gopher server serves, and how menus name it.
struct GopherOptions {
    Folder folder;                     ///< what is served
    std::string public_host;           ///< the server's name in menus; "": the address that the client has connected to
    std::uint16_t public_port = 0;     ///< the server's port in menus; 0: the one that the client has connected to
    std::size_t max_entries = 10'000;  ///< how many items a menu has at most
    bool no_openat2 = false;           ///< look names up as if the kernel had no openat2(2)

    /// Declares them on a command line.
    /// \param add takes (name, what it does, the variable), and arguments by add.argument()
    template <class Add>
    void declare(Add&& add) {
        add.argument("DIR", "the folder to serve; names that begin with a dot are hidden", folder);
        add("public-host", "name this host in menus, not the address that the client has connected to", public_host);
        add("public-port", "name this port in menus; 0 means the one that the client has connected to", public_port);
        add("max-entries", "list at most N entries of a folder", max_entries);
        add("no-openat2", "resolve names without openat2(2), as on kernels before 5.6; follows no symbolic links",
            no_openat2);
    }

    /// How the options say to look names up.
    [[nodiscard]] Folder::Lookup lookup() const noexcept {
        return no_openat2 ? Folder::Lookup::by_component : Folder::Lookup::best;
    }
};

/// Answers one request with a document of a folder, and closes the connection.
///
/// A selector is a path relative to the folder; one slash before it and one behind it do not matter, and "" is the folder.
///
/// | what it names | type | how it is sent |
/// |---|---|---|
/// | a folder | 1 | a menu: its files and folders, sorted by name |
/// | a file with a suffix that tells (gopher_type_by_suffix()) | g, I, h | as it is |
/// | a file whose first 4 KiB hold no control characters but white space, backspace and escape | 0 | with CR LF, dots doubled, ended by a dot alone |
/// | any other file | 9 | as it is |
/// | nothing, what may not be read, what is no file | 3 | a menu with one item that says so |
///
/// Neither listed nor served: names that begin with a dot, or hold control characters (they would break a menu's lines); FIFOs,
/// devices and sockets; links that lead out of the folder, see Folder. Not listed, since nobody could ask for it: what has a
/// selector of more than 255 bytes.
///
/// Memory does not grow with a file's size; a menu keeps at most GopherOptions::max_entries names.
///
/// A file is sent as long as it was when it was opened, so one that grows meanwhile, is replaced or removed comes whole. Whatever
/// else keeps it from being sent to its end resets the connection (of a Unix socket, just ends it; a text then lacks its last line):
/// it became shorter or, by its size and time, was written over; it cannot be read; the client was too slow, or was cut.
/// Thread and life: see BaseRequestHandler.
class GopherHandler : public StreamRequestHandler {
public:
    /// What its command line takes.
    using Options = GopherOptions;

    /// Where the demo program listens.
    static constexpr std::uint16_t default_port = 7070;

    /// What the demo program says of itself.
    static constexpr std::string_view description = "A gopher server (RFC 1436) over a folder.";

    /// Commands that try the demo program; `$0` stands for it.
    static constexpr std::string_view examples = "$0 . &\n"
                                                 "curl gopher://127.0.0.1:7070/";

    /// See StreamRequestHandler.
    /// \param options what to serve; shared by all handlers of a server, constant
    GopherHandler(Socket& the_request, const Address& client, ServerContext& the_server, const GopherOptions& options)
        : StreamRequestHandler(the_request, client, the_server), options_(options) {}

    void handle() override;

protected:
    /// Answers a request. A subclass that has documents of its own overrides it, and calls this one for all others.
    /// \param asked what the client asks for
    virtual void answer(const GopherRequest& asked);

    /// Answers by a document of type 3.
    /// \param message what is wrong; without tabs and line ends
    void send_error(std::string_view message);

private:
    [[nodiscard]] std::optional<ParseResult<GopherRequest>> read_request();
    void send_failure(std::string_view selector, error_code error);
    void send_menu(const std::string& name);
    [[nodiscard]] std::string menu_lines(const std::string& folder, std::span<const std::string> names,
                                         const GopherItem& here) const;
    void send_text(const Folder::File& file, const std::string& name);
    void send_binary(const Folder::File& file, const std::string& name);
    void discard_input();

    const GopherOptions& options_;
};

}  // namespace socketserver
