#pragma once

/// \file
/// A folder of the test's own, and what is in it.

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

namespace socketserver::test {

/// An empty folder with a short path (a Unix socket's path has 107 bytes), removed with all it holds when
/// the scope ends.
class TemporaryDirectory {
public:
    /// Makes the folder.
    /// \throw std::system_error if mkdtemp(3) fails
    TemporaryDirectory() {
        std::string pattern = (std::filesystem::temp_directory_path() / "ss-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr)
            throw std::system_error(errno, std::system_category(), "mkdtemp " + pattern);
        path_ = pattern;
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    /// The folder.
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// A path inside the folder.
    /// \param name the file's name
    [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

/// Makes a file, or replaces what it holds.
/// \param path its path
/// \param bytes what it is to hold
inline void write_file(const std::filesystem::path& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace socketserver::test
