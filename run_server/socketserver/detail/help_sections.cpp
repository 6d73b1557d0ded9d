#include <socketserver/detail/help_sections.hpp>

#include <socketserver/detail/help_page.hpp>

#include <algorithm>

namespace socketserver::detail {

namespace {

std::string explanation(const ProgramOption& option) {
    return option.description +
           (option.default_value.empty() ? "" : std::string(" [default:") + no_break + option.default_value + ']');
}

/// "with --inner threading or selecting", if it means nothing with one of the others.
std::string inner_condition(const ProgramOption& option) {
    const std::vector<Mode> inner = inner_modes_of(option);
    return inner.size() == inner_modes.size() ? "" : "with --inner " + list_of(inner, " or ");
}

}  // namespace

std::vector<const ProgramOption*> all_options(const std::vector<const ProgramOptions*>& lists) {
    std::vector<const ProgramOption*> all;
    for (const ProgramOptions* const options : lists) {
        for (const ProgramOption& option : *options)
            all.push_back(&option);
    }
    return all;
}

bool has_modes(const std::vector<const ProgramOption*>& all) {
    return std::any_of(all.begin(), all.end(), [](const ProgramOption* option) { return !option->modes.empty(); });
}

std::vector<HelpSection> sections_of(const ProgramHelp& about, const std::vector<const ProgramOption*>& options,
                                     std::optional<Mode> mode) {
    std::vector<HelpSection> sections;
    for (const ProgramOptions* const list : about.options) {
        for (const ProgramOption& argument : list->arguments()) {
            if (sections.empty())
                sections.push_back({"Arguments", {}});
            sections.front().rows.emplace_back(argument.name, explanation(argument));
        }
    }
    for (const ProgramOption* const option : options) {
        const std::string heading = option->group.empty() ? "Options of " + about.program : option->group;
        auto section = std::find_if(sections.begin(), sections.end(),
                                    [&](const HelpSection& one) { return one.heading == heading; });
        if (section == sections.end())
            section = sections.insert(section, HelpSection{heading, {}});
        std::string text = explanation(*option);
        if (mode == Mode::preforking && !inner_condition(*option).empty())
            text += " (" + inner_condition(*option) + ')';
        section->rows.emplace_back(spelling(*option), text);
    }
    return sections;
}

std::vector<HelpSection> sections_of_modes(const std::vector<const ProgramOption*>& all) {
    HelpSection modes{"Modes", {}};
    for (const Mode mode : server_modes) {
        modes.rows.emplace_back(to_string(mode),
                                std::string(description(mode)) + (mode == default_mode ? " [default]" : ""));
    }
    HelpSection options{"Options of some modes only", {}};
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

}  // namespace socketserver::detail
