#pragma once

/// \file
/// A folder that cannot be left: whatever name is looked up, what is found lies inside.

#include <socketserver/os/error.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <sys/stat.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace socketserver {

/// A folder whose files are given to strangers: a name they made up never leads out of it, and never to something other than
/// a regular file or a folder.
///
/// A name is a path relative to the folder, `a/b/c`; "" is the folder itself. One that is absolute or has an empty component,
/// `.` or `..`, or holds a NUL is refused (EINVAL). What must stay true however files, folders and links are moved about at
/// the same time:
///
/// 1. The kernel resolves the whole name beneath the folder (openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS,
///    Linux 5.6), symbolic links included; one that leads out is the error EXDEV. Where the kernel does not offer that, each
///    component is opened by itself and no symbolic link is followed (O_NOFOLLOW; ELOOP).
/// 2. FIFOs, devices and sockets are not opened (ENXIO): what a name stands for is looked at first (O_PATH), and opened
///    without waiting (O_NONBLOCK), in case it has changed by then.
///
/// A hard link cannot be told from its file. The folder stays the one that was opened, if its path comes to mean another.
///
/// Owns: the folder's descriptor. Thread: any, several at once. May block, as file systems do: a handler calls it by offload().
class Folder {
public:
    /// How names are looked up.
    enum class Lookup {
        best,          ///< by openat2(2) if the kernel offers it
        by_component,  ///< component by component, as if it did not
    };

    /// What a name stands for.
    struct File {
        UniqueFd descriptor;    ///< open for reading, close-on-exec
        struct stat status {};  ///< fstat(2), when it was opened

        /// Whether it is a folder; else it is a regular file.
        [[nodiscard]] bool is_folder() const noexcept { return S_ISDIR(status.st_mode); }

        /// Whether what it held when it was opened is no longer there (fstat(2)): it is shorter, or as long and written to since.
        /// Of one that is longer it cannot be told; it is taken for one that was appended to. May block.
        [[nodiscard]] bool has_changed() const noexcept;
    };

    /// The names of the things in a folder.
    struct Names {
        std::vector<std::string> names;  ///< in no order; without `.` and `..`
        bool complete = true;            ///< whether these are all
    };

    /// No folder: every lookup fails (EBADF).
    Folder() noexcept = default;

    /// Opens a folder.
    /// \param path its path; symbolic links are followed
    /// \throw boost::system::system_error if it does not exist, is no folder or may not be read, naming it
    explicit Folder(const std::string& path);

    /// Whether the kernel resolves names beneath a folder; found out by trying.
    [[nodiscard]] bool kernel_resolves() const noexcept { return kernel_resolves_; }

    /// Opens a regular file or a folder for reading; does not wait.
    /// \param name its name
    /// \param error what went wrong: ENOENT, EXDEV, EACCES, ENXIO and so on; cleared otherwise
    /// \param lookup how to look it up
    /// \return the file; no descriptor if there is an error
    [[nodiscard]] File open(std::string_view name, error_code& error, Lookup lookup = Lookup::best) const;

    /// Tells what a name stands for without opening it.
    /// \param name its name
    /// \param error as for open(), but what is found need not be readable
    /// \param lookup how to look it up
    /// \return its status; not filled in if there is an error
    [[nodiscard]] struct stat look_at(std::string_view name, error_code& error, Lookup lookup = Lookup::best) const;

    /// The names in this folder, or in one inside.
    /// \param name its name
    /// \param most how many names to return at most
    /// \param error what went wrong, as for open(); ENOTDIR if it is no folder
    /// \param lookup how to look it up
    [[nodiscard]] Names list(std::string_view name, std::size_t most, error_code& error,
                             Lookup lookup = Lookup::best) const;

private:
    [[nodiscard]] UniqueFd open_beneath(const std::string& name, int flags, error_code& error, Lookup lookup) const;
    [[nodiscard]] UniqueFd open_by_component(const std::string& name, int flags, error_code& error) const;

    UniqueFd descriptor_;
    bool kernel_resolves_ = false;
};

}  // namespace socketserver
