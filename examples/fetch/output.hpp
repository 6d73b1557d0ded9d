#pragma once

/// \file
/// Where fetch puts a document: standard output, or a file that is there whole or not at all.

#include <socketserver/os/printable.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fetch {

/// A document on its way out. One at a time in the program. Thread: the main one.
///
/// A file is written under another name in the same folder, and takes its own when it is complete and on the disk. Until
/// then a file that was there stays as it was; if something goes wrong, or a signal such as SIGINT ends the program, the other
/// name is removed. What is no regular file, such as a device, is written to directly.
class Output {
public:
    /// Standard output.
    Output();

    /// A file.
    /// \param path its name
    /// \throw std::runtime_error if it cannot be made
    explicit Output(const std::string& path);

    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    /// Removes a file that is not complete.
    ~Output();

    /// Says how long the document is, for the progress shown.
    /// \param size in bytes
    void expect(std::optional<std::uint64_t> size) noexcept { expected_ = size; }

    /// Writes a piece: as it is, or to a terminal with its control characters as `\xNN`.
    /// \throw std::runtime_error if it cannot be written
    void write(std::string_view bytes);

    /// How much has been written, in bytes.
    [[nodiscard]] std::uint64_t written() const noexcept { return written_; }

    /// Has the document take its place.
    /// \throw std::runtime_error if it cannot
    void finish();

private:
    void make_temporary();
    void discard() noexcept;
    void write_as_it_is(std::string_view bytes);
    void show_progress(bool last);
    void end_progress();
    [[noreturn]] void fail(int error) const;

    std::string path_;       // as given; "" for standard output
    std::string target_;     // what is written; path_ without symbolic links
    std::string temporary_;  // "": it is written to directly
    socketserver::UniqueFd file_;
    std::uint64_t written_ = 0;
    std::optional<std::uint64_t> expected_;
    std::optional<socketserver::PrintableDocument> on_terminal_;
    bool shows_progress_ = false;
    bool progress_shown_ = false;
    std::chrono::steady_clock::time_point next_progress_;
};

}  // namespace fetch
