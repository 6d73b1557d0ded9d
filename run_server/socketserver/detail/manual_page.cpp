#include <socketserver/detail/manual_page.hpp>

#include <socketserver/detail/help_page.hpp>
#include <socketserver/detail/help_sections.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <string_view>
#include <utility>
#include <vector>

namespace socketserver::detail {

namespace {

std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        switch (c) {
            case '\\': safe += "\\e"; break;
            case '-': safe += "\\-"; break;
            case '"': safe += "\\(dq"; break;
            case '\'': safe += "\\(aq"; break;
            case '`': safe += "\\(ga"; break;
            case '~': safe += "\\(ti"; break;
            case '^': safe += "\\(ha"; break;
            case '.': safe += safe.empty() ? "\\&." : "."; break;
            default: safe += c;
        }
    }
    return safe;
}

void add_text(std::string& page, std::string_view text) {
    constexpr std::size_t width = 60;  // of the source, in which escapes take place as well
    HelpPage lines(width);
    lines.fill(text, 0);
    std::string_view rest = lines.text();
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        page += escaped(line) + '\n';
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
}

void add_rows(std::string& page, const std::vector<HelpSection>& sections, std::string_view request) {
    for (const auto& [heading, rows] : sections) {
        page += std::string(request) + ' ' + escaped(heading) + '\n';
        for (const auto& [left, right] : rows) {
            const auto end = std::min(left.find_first_of(" ["), left.size());
            page += ".TP\n\\fB" + escaped(left.substr(0, end)) + "\\fR";
            if (end < left.size())
                page += "\\fI" + escaped(left.substr(end)) + "\\fR";
            page += '\n';
            add_text(page, right.empty() ? "(no description)" : right);
        }
    }
}

void add_paragraphs(std::string& page, const std::vector<std::string>& paragraphs) {
    bool first = true;
    for (const std::string& paragraph : paragraphs) {
        if (!std::exchange(first, false))
            page += ".PP\n";
        add_text(page, paragraph);
    }
}

/// The day on which the page is made; SOURCE_DATE_EPOCH makes it the same each time
/// (https://reproducible-builds.org/specs/source-date-epoch/).
std::string date() {
    std::time_t now = std::time(nullptr);
    if (const char* const fixed = std::getenv("SOURCE_DATE_EPOCH")) {
        const std::string_view text = fixed;
        static_cast<void>(std::from_chars(text.data(), text.data() + text.size(), now));
    }
    std::tm day{};
    ::gmtime_r(&now, &day);
    char text[16];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &day)};
}

/// A few words that say what the program is: the beginning of its description.
std::string summary(const ProgramHelp& about) {
    std::string text = about.description.substr(0, about.description.find("\n\n"));
    text = text.substr(0, std::min(text.find(". "), text.find(": ")));
    if (text.ends_with('.'))
        text.pop_back();
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0)
        text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    else if (text.starts_with("A "))
        text[0] = 'a';
    return text.empty() ? "a program made with socketserver" : text;
}

}  // namespace

std::string manual_page(const ProgramHelp& about) {
    const auto all = all_options(about.options);
    std::string title = about.program;
    std::transform(title.begin(), title.end(), title.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    std::string page =
        ".TH \"" + escaped(title) + "\" 1 " + date() + " \"socketserver " SOCKETSERVER_VERSION "\" \"User Commands\"\n";
    page += ".nh\n.ad l\n.SH NAME\n" + escaped(about.program) + " \\- " + escaped(summary(about)) + "\n.SH SYNOPSIS\n";
    bool first = true;
    for (const std::string& form : forms_of(about)) {
        page += (std::exchange(first, false) ? "" : ".br\n") + std::string("\\fB") + escaped(about.program) + "\\fR " +
                escaped(form) + '\n';
    }
    page += ".SH DESCRIPTION\n";
    std::vector<std::string> paragraphs = paragraphs_of(about.description);
    paragraphs.insert(paragraphs.end(), about.details.begin(), about.details.end());
    if (paragraphs.empty())
        paragraphs.push_back(about.program + " is made with socketserver.");
    add_paragraphs(page, paragraphs);
    page += ".SH OPTIONS\n";
    add_rows(page, sections_of(about, all), ".SS");
    if (has_modes(all)) {
        page += ".SH MODES\n";
        add_rows(page, sections_of_modes(all), ".SS");
    }
    add_rows(page, {{"EXIT STATUS", about.exit_statuses}}, ".SH");
    page += ".SH EXAMPLES\n.nf\n";
    for (const std::string& example : about.examples)
        page += escaped(example) + '\n';
    page += ".fi\n";
    if (!about.see_also.empty())
        page += ".SH SEE ALSO\n";
    for (std::size_t i = 0; i < about.see_also.size(); ++i) {
        const std::string& name = about.see_also[i];
        const auto section = std::min(name.find('('), name.size());
        page += "\\fB" + escaped(name.substr(0, section)) + "\\fR" + escaped(name.substr(section)) +
                (i + 1 < about.see_also.size() ? ",\n" : "\n");
    }
    return page;
}

}  // namespace socketserver::detail
