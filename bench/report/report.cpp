#include "report.hpp"

#include "page.hpp"
#include "results_check.hpp"

#include <string>
#include <string_view>

namespace socketserver::bench {

namespace {

// In JSON "<" stands in strings alone, where it may be written otherwise: then nothing in them can end the element that
// holds them, or begin a comment in it (HTML, restrictions for contents of script elements).
void append_escaped(std::string& page, std::string_view json) {
    for (const char c : json)
        if (c == '<')
            page += "\\u003c";
        else
            page += c;
}

}  // namespace

std::string render_report(const std::string& results_json) {
    const std::string results = detail::checked_results(results_json);
    constexpr std::string_view mark = "@results@";
    const std::string_view page = detail::page();
    const auto place = page.find(mark);
    std::string report(page.substr(0, place));
    append_escaped(report, results);
    report += page.substr(place + mark.size());
    return report;
}

}  // namespace socketserver::bench
