#pragma once

/// \file
/// results.json, as docs/benchmark-results.md describes it.

#include "measure.hpp"
#include "settings.hpp"

#include <string>
#include <vector>

namespace socketserver::bench {

/// What is known besides the figures. A value.
struct Circumstances {
    std::string handler;                ///< what was served
    std::vector<std::string> command;   ///< the command line
    std::size_t request_bytes = 0;      ///< of a request
    std::vector<std::string> advice;    ///< sentences
    std::vector<std::string> warnings;  ///< sentences
};

/// Whether this program was compiled with optimisation.
[[nodiscard]] bool optimised() noexcept;

/// The results as JSON.
[[nodiscard]] std::string to_json(const Results& results, const Settings& settings, const Circumstances& circumstances);

/// Writes a file under another name and renames it when it is whole.
/// \throw boost::system::system_error naming the file
void write_file(const std::string& path, const std::string& content);

/// Makes a folder, if it is not there, and sees whether files can be made in it: before hours are spent on what goes there.
/// \throw boost::system::system_error naming it
void prepare_folder(const std::string& path);

}  // namespace socketserver::bench
