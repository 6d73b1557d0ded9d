#include <socketserver/detail/help.hpp>

#include <socketserver/detail/help_page.hpp>
#include <socketserver/detail/help_sections.hpp>
#include <socketserver/detail/manual_page.hpp>
#include <socketserver/os/standard_streams.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <optional>
#include <utility>

namespace socketserver::detail {

namespace {

constexpr std::size_t default_width = 80;

void add_sections(HelpPage& page, const std::vector<HelpSection>& sections) {
    constexpr std::size_t indent = 2;
    constexpr std::size_t gap = 2;
    constexpr std::size_t widest = 27;        // on the left, of those that count; longer ones have a line of their own
    constexpr std::size_t side_by_side = 60;  // from this width on
    constexpr std::size_t indent_below = 6;
    std::size_t column = indent_below;
    if (page.width() >= side_by_side) {
        std::size_t longest = 0;
        for (const HelpSection& section : sections) {
            for (const HelpRow& row : section.rows) {
                if (columns(row.first) <= widest)
                    longest = std::max(longest, columns(row.first));
            }
        }
        column = indent + longest + gap;
    }
    for (const HelpSection& section : sections) {
        if (section.rows.empty())
            continue;
        page.end_line();
        page.paragraph(section.heading + ':');
        for (const auto& [left, right] : section.rows) {
            page.move_to(indent);
            page.fill(left, 2 * indent);
            if (!right.empty()) {
                if (column == indent_below)
                    page.end_line();
                page.move_to(column);
                page.fill(right, column);
            }
            page.end_line();
        }
    }
}

/// Those that plain --help shows.
std::vector<const ProgramOption*> most_used(const std::vector<const ProgramOption*>& all) {
    std::vector<const ProgramOption*> most = all;
    std::stable_sort(most.begin(), most.end(), [](const auto* a, const auto* b) { return a->rank < b->rank; });
    most.resize(std::min(most.size(), most_in_short_help));
    std::vector<const ProgramOption*> in_order;
    std::copy_if(all.begin(), all.end(), std::back_inserter(in_order), [&most](const ProgramOption* option) {
        return option->rank != rarely_used && std::find(most.begin(), most.end(), option) != most.end();
    });
    return in_order;
}

/// The words that --help= takes.
std::vector<std::string> topics(const std::vector<const ProgramOption*>& all) {
    std::vector<std::string> words{"all", "man"};
    if (has_modes(all)) {
        words.emplace_back("modes");
        for (const Mode mode : server_modes)
            words.emplace_back(to_string(mode));
    }
    return words;
}

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

std::optional<Mode> mode_called(std::string_view name) {
    const auto* const found =
        std::find_if(server_modes.begin(), server_modes.end(), [&](Mode mode) { return to_string(mode) == name; });
    return found == server_modes.end() ? std::nullopt : std::optional(*found);
}

void add_usage(HelpPage& page, const ProgramHelp& about) {
    constexpr std::string_view usage = "usage: ";
    bool first = true;
    for (const std::string& form : forms_of(about)) {
        const std::string text = about.program + ' ' + form;
        if (std::exchange(first, false))
            page.paragraph(std::string(usage) + text, 0, usage.size());
        else
            page.paragraph(text, usage.size());
    }
}

std::string description_of_help(const std::vector<const ProgramOption*>& all) {
    return has_modes(all) ? "print this, as -h does; WORD is all, modes, a mode, or man"
                          : "print this, as -h does; WORD is all, or man";
}

}  // namespace

void add_help(ProgramOptions& options, const std::vector<const ProgramOptions*>& others, HelpRequest& asked) {
    std::vector<const ProgramOptions*> lists{&options};
    lists.insert(lists.end(), others.begin(), others.end());
    const auto all = all_options(lists);
    options.add({.name = "help",
                 .value_name = "WORD",
                 .description = description_of_help(all),
                 .store =
                     [&asked, words = topics(all)](const std::string& word) {
                         if (!word.empty() && std::find(words.begin(), words.end(), word) == words.end())
                             throw UsageError("'" + word + "' is not one of " + join(words));
                         asked.help = true;
                         asked.topic = word;
                     },
                 .optional = true,
                 .rank = -1});
    options("version", "print the version", asked.version).rank = static_cast<int>(most_in_short_help) - 1;
}

std::string help_text(const ProgramHelp& about, std::string_view topic, std::size_t width) {
    if (topic == "man")
        return manual_page(about);
    const auto all = all_options(about.options);
    const auto some = most_used(all);
    const bool brief = topic.empty() && (some.size() < all.size() || has_modes(all));
    HelpPage page(width);
    if (topic == "modes") {
        add_sections(page, sections_of_modes(all));
        page.end_line();
        page.paragraph("All other options belong to every mode. " + about.program +
                       " --help=MODE shows those of one mode.");
        return page.text().substr(1);
    }
    add_usage(page, about);
    if (const auto mode = mode_called(topic)) {
        std::vector<const ProgramOption*> its;
        std::copy_if(all.begin(), all.end(), std::back_inserter(its), [&](const ProgramOption* option) {
            const std::vector<Mode> modes = modes_of(*option);
            return std::find(modes.begin(), modes.end(), *mode) != modes.end();
        });
        page.end_line();
        page.paragraph("With --mode " + std::string(topic) + ", " + std::string(description(*mode)) + '.');
        add_sections(page, sections_of(about, its, mode));
        return page.text();
    }
    for (const std::string& paragraph : paragraphs_of(about.description)) {
        page.end_line();
        page.paragraph(paragraph);
        if (brief)
            break;
    }
    add_sections(page, sections_of(about, brief ? some : all));
    if (!brief)
        add_sections(page, {{"Exit status", about.exit_statuses}});
    if (!about.examples.empty()) {
        page.end_line();
        page.paragraph("Examples:");
        for (const std::string& example : about.examples)
            page.paragraph(example, 2, 4);
    }
    if (brief) {
        std::vector<HelpRow> rows{{"--help=all", "every option"}};
        if (has_modes(all)) {
            rows.emplace_back("--help=modes", "which option belongs to which mode");
            rows.emplace_back("--help=MODE", "the options of one mode: " +
                                                 list_of({server_modes.begin(), server_modes.end()}, " or "));
        }
        add_sections(page, {{"More", rows}});
    }
    return page.text();
}

std::string usage_line(const ProgramHelp& about) {
    return "usage: " + about.program + ' ' + forms_of(about).front() + "; " + about.program +
           " --help lists the options";
}

std::size_t help_width() {
    if (const char* const columns = std::getenv("COLUMNS")) {
        const std::string_view text = columns;
        std::size_t width = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), width);
        if (error == std::errc{} && end == text.data() + text.size() && width > 0)
            return width;
    }
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return default_width;
}

void answer(const ProgramHelp& about, const HelpRequest& asked) {
    if (asked.help)
        std::cout << help_text(about, asked.topic, help_width());
    else
        std::cout << about.program << " (socketserver " SOCKETSERVER_VERSION ")\n";
    flush_standard_output();
}

}  // namespace socketserver::detail
