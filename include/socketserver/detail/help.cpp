#include <socketserver/detail/help.hpp>
#include <socketserver/os/standard_streams.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <iterator>
#include <optional>
#include <utility>

namespace socketserver::detail {

namespace {

constexpr std::size_t default_width = 80;

// A blank at which a line is broken only if the words do not fit into one.
constexpr char no_break = '\x1f';

/// How many columns a text of UTF-8 takes, if each character takes one.
std::size_t columns(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

/// Text whose lines are filled with words.
class Page {
public:
    /// \param width no line is wider, unless it is a single word
    explicit Page(std::size_t width) : width_(width) {}

    /// Adds words to the current line, and to lines below it that begin with so many blanks.
    void fill(std::string_view text, std::size_t indent) {
        constexpr std::string_view white = " \t\n\x1f";
        for (auto begin = text.find_first_not_of(white); begin != std::string_view::npos;
             begin = text.find_first_not_of(white, begin)) {
            std::string_view word = text.substr(begin, text.find_first_of(" \t\n", begin) - begin);
            if (indent + columns(word) > width_)
                word = word.substr(0, std::max<std::size_t>(word.find(no_break), 1));
            if (has_words_ && column_ + (touches_ ? 1 : 0) + columns(word) > width_)
                break_line(indent);
            if (touches_)
                move_to(column_ + 1);
            std::replace_copy(word.begin(), word.end(), std::back_inserter(text_), no_break, ' ');
            column_ += columns(word);
            has_words_ = touches_ = true;
            begin += word.size();
        }
    }

    /// Moves on to a column; on the next line, if this one has reached it.
    void move_to(std::size_t column) {
        if (column_ > column || (column_ == column && touches_))
            end_line();
        text_.append(column - column_, ' ');
        column_ = column;
        touches_ = false;
    }

    void end_line() {
        // A line has no blanks at its end.
        text_.erase(text_.find_last_not_of(' ') + 1);
        text_ += '\n';
        column_ = 0;
        has_words_ = touches_ = false;
    }

    void break_line(std::size_t indent) {
        end_line();
        move_to(indent);
    }

    void paragraph(std::string_view text, std::size_t indent = 0, std::size_t indent_below = 0) {
        move_to(indent);
        fill(text, std::max(indent, indent_below));
        end_line();
    }

    [[nodiscard]] std::size_t width() const noexcept { return width_; }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
    std::size_t width_;
    std::string text_;
    std::size_t column_ = 0;
    bool has_words_ = false;  // the line does
    bool touches_ = false;    // a word ends where the line does
};

/// What stands on the left, and what explains it.
using Row = std::pair<std::string, std::string>;

/// Rows under a heading. A value.
struct Section {
    std::string heading;
    std::vector<Row> rows;
};

void add_sections(Page& page, const std::vector<Section>& sections) {
    constexpr std::size_t indent = 2;
    constexpr std::size_t gap = 2;
    constexpr std::size_t widest = 27;        // on the left, of those that count; longer ones have a line of their own
    constexpr std::size_t side_by_side = 60;  // from this width on
    constexpr std::size_t indent_below = 6;
    std::size_t column = indent_below;
    if (page.width() >= side_by_side) {
        std::size_t longest = 0;
        for (const Section& section : sections) {
            for (const Row& row : section.rows) {
                if (columns(row.first) <= widest)
                    longest = std::max(longest, columns(row.first));
            }
        }
        column = indent + longest + gap;
    }
    for (const Section& section : sections) {
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

/// The options one after the other.
std::vector<const ProgramOption*> all_options(const std::vector<const ProgramOptions*>& lists) {
    std::vector<const ProgramOption*> all;
    for (const ProgramOptions* const options : lists) {
        for (const ProgramOption& option : *options)
            all.push_back(&option);
    }
    return all;
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

bool has_modes(const std::vector<const ProgramOption*>& all) {
    return std::any_of(all.begin(), all.end(), [](const ProgramOption* option) { return !option->modes.empty(); });
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

std::string explanation(const ProgramOption& option) {
    return option.description +
           (option.default_value.empty() ? "" : std::string(" [default:") + no_break + option.default_value + ']');
}

/// "with --inner threading or selecting", if it means nothing with one of the others.
std::string inner_condition(const ProgramOption& option) {
    const std::vector<Mode> inner = inner_modes_of(option);
    return inner.size() == inner_modes.size() ? "" : "with --inner " + list_of(inner, " or ");
}

std::vector<Section> sections_of(const ProgramHelp& about, const std::vector<const ProgramOption*>& options,
                                 std::optional<Mode> mode = std::nullopt) {
    std::vector<Section> sections;
    for (const ProgramOptions* const list : about.options) {
        for (const ProgramOption& argument : list->arguments()) {
            if (sections.empty())
                sections.push_back({"Arguments", {}});
            sections.front().rows.emplace_back(argument.name, explanation(argument));
        }
    }
    for (const ProgramOption* const option : options) {
        const std::string heading = option->group.empty() ? "Options of " + about.program : option->group;
        auto section =
            std::find_if(sections.begin(), sections.end(), [&](const Section& one) { return one.heading == heading; });
        if (section == sections.end())
            section = sections.insert(section, Section{heading, {}});
        std::string text = explanation(*option);
        if (mode == Mode::preforking && !inner_condition(*option).empty())
            text += " (" + inner_condition(*option) + ')';
        section->rows.emplace_back(spelling(*option), text);
    }
    return sections;
}

/// What the modes are, and the options that belong to some of them only.
std::vector<Section> sections_of_modes(const std::vector<const ProgramOption*>& all) {
    Section modes{"Modes", {}};
    for (const Mode mode : server_modes) {
        modes.rows.emplace_back(to_string(mode),
                                std::string(description(mode)) + (mode == default_mode ? " [default]" : ""));
    }
    Section options{"Options of some modes only", {}};
    for (const ProgramOption* const option : all) {
        if (option->modes.empty())
            continue;
        const std::vector<Mode> its = modes_of(*option);
        std::string text = list_of(its, ", ");
        if (std::find(its.begin(), its.end(), Mode::preforking) != its.end() && !inner_condition(*option).empty())
            text += ' ' + inner_condition(*option);  // preforking is the last
        options.rows.emplace_back(spelling(*option), text);
    }
    return {modes, options};
}

/// What follows the program's name, for each form.
std::vector<std::string> forms_of(const ProgramHelp& about) {
    if (!about.forms.empty())
        return about.forms;
    std::string text = "[OPTION]...";
    std::string end;
    for (const ProgramOptions* const options : about.options) {
        for (const ProgramOption& argument : options->arguments()) {
            text += (argument.optional ? " [" : " ") + argument.name;
            end += argument.optional ? "]" : "";
        }
    }
    return {text + end};
}

std::vector<std::string> paragraphs_of(std::string_view text) {
    std::vector<std::string> paragraphs;
    while (!text.empty()) {
        const auto end = std::min(text.find("\n\n"), text.size());
        paragraphs.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 2, text.size()));
    }
    return paragraphs;
}

std::optional<Mode> mode_called(std::string_view name) {
    const auto* const found =
        std::find_if(server_modes.begin(), server_modes.end(), [&](Mode mode) { return to_string(mode) == name; });
    return found == server_modes.end() ? std::nullopt : std::optional(*found);
}

void add_usage(Page& page, const ProgramHelp& about) {
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

// The manual page, in man(7): lines that begin with a dot are requests, backslashes begin escapes.

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
    Page lines(width);
    lines.fill(text, 0);
    std::string_view rest = lines.text();
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        page += escaped(line) + '\n';
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
}

void add_rows(std::string& page, const std::vector<Section>& sections, std::string_view request) {
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

std::string description_of_help(const std::vector<const ProgramOption*>& all) {
    return has_modes(all) ? "print this; WORD is all, modes, a mode, or man" : "print this; WORD is all, or man";
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
    Page page(width);
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
        std::vector<Row> rows{{"--help=all", "every option"}};
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
