#pragma once

/// \file
/// Looking at what --help prints.

#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace socketserver::test {

/// The lines of a text.
inline std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

/// The options that a help lists, in its order, without dashes.
inline std::vector<std::string> options_of(const std::string& text) {
    std::vector<std::string> options;
    static const std::regex option("^  --([a-z0-9-]+)");
    for (const std::string& line : lines_of(text.substr(0, text.find("\nMore:")))) {
        std::smatch match;
        if (std::regex_search(line, match, option))
            options.push_back(match[1]);
    }
    return options;
}

}  // namespace socketserver::test
